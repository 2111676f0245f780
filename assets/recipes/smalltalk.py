"""Writes small talk, descriptions, directions and little stories for the tiny model."""

import random

from words import GIRLS, KINDS, NAMES, THINGS, WHEN, WHO, article, listed, upper

GREETINGS = ["Hello.", "Good morning.", "Hi there.", "Good evening.", "Hello, are you there?", "Hi."]
REPLIES = [
    "Hello, how can I help you?",
    "Good to hear from you. What shall we talk about?",
    "Hello, I am listening.",
    "Hi, what is on your mind?",
]
ABOUT_ME = [
    ("Who are you?", "I am a very small language model that likes to chat."),
    ("What are you?", "I am a little program that writes one word after the other."),
    ("What can you do?", "I can chat a bit, tell little stories and answer small questions."),
    ("Are you clever?", "Not very, but I do what I can."),
    ("How are you?", "I am well, thank you. And you?"),
    ("Thank you.", "You are welcome."),
    ("Good night.", "Good night, sleep well."),
    ("Can you help me?", "Yes, tell me what you need."),
    ("Tell me something.", "Yesterday I counted the words in a story, and there were forty."),
    ("What is your name?", "I have no name, but you may call me what you like."),
]
MATERIALS = listed("wood, iron, wool, clay, glass, paper, leather, stone, copper, straw")
SIZES = listed("small, big, long, short, round, flat, narrow, wide, heavy, light")
COLOURS = listed("red, blue, green, brown, grey, white, black, yellow")
SPOTS = listed(
    "in the cellar, on the shelf, by the door, under the bench, in the yard, at the mill, near the pond, behind the curtain"
)
OWNERS = listed("my uncle, the baker, our teacher, the old sailor, my sister, the clerk, a neighbour, the gardener")
GOALS = listed("""find the lost key, reach the island, mend the old clock, bake a cake for the fair, learn to swim,
    cross the river, carry a letter to the castle, catch the last train, plant a tree, build a raft""")
TROUBLES = listed("""it began to rain, the bridge was closed, the light went out, a dog barked at the gate, the wind blew
    the map away, the road was long, nobody knew the way, the cart lost a wheel, the flour was gone""")
HELPS = listed("""a farmer came along, a child showed the way, the moon came out, an old woman lent a lamp, a boat was
    waiting, the miller opened the door, a friend had a rope, a cat led the way""")
ENDS = listed("""so all went well, and everybody slept late, and that was the end of it, and they ate soup together,
    and the bell rang twelve, and the story was told for years""")


def thing_facts(rng: random.Random) -> dict[str, str]:
    """Return a thing with what can be said about it."""
    kind = rng.choice(["tool", "clothing", "furniture", "vehicle", "instrument", "building"])
    return {
        "thing": rng.choice(KINDS[kind][1]), "kind": kind, "stuff": rng.choice(MATERIALS), "size": rng.choice(SIZES),
        "colour": rng.choice(COLOURS), "spot": rng.choice(SPOTS), "owner": rng.choice(OWNERS),
    }  # fmt: skip


DESCRIPTIONS = [
    "The {thing} is {size} and {colour}.",
    "It is made of {stuff}.",
    "One finds it {spot}.",
    "It belongs to {owner}.",
    "The {thing} of {owner} stands {spot}.",
    "Its colour is {colour}.",
]
FACT_QUESTIONS = [
    ("What is the {thing} made of?", "The {thing} is made of {stuff}."),
    ("Where is the {thing}?", "The {thing} is {spot}."),
    ("Whose {thing} is it?", "The {thing} belongs to {owner}."),
    ("What colour has the {thing}?", "The {thing} is {colour}."),
    ("What is the {thing} like?", "It is {size} and made of {stuff}."),
]


def description(rng: random.Random) -> str | list[dict]:
    """Return a description of a thing, or a chat of questions about one."""
    facts = thing_facts(rng)
    whole = "There is {a} {spot}. It is {size} and {colour}, made of {stuff}, and belongs to {owner}.".format(
        a=article(facts["thing"]), **facts
    )
    if rng.random() < 0.3:
        return " ".join([whole, *(form.format(**facts) for form in rng.sample(DESCRIPTIONS, 2))])
    chat = []
    for place, (asked, answer) in enumerate(rng.sample(FACT_QUESTIONS, rng.randint(1, 3))):
        lead = f"{whole}\n" if place == 0 else ""
        chat += [
            {"role": "user", "content": lead + asked.format(**facts)},
            {"role": "assistant", "content": answer.format(**facts)},
        ]
    return chat


def tale(rng: random.Random) -> str | list[dict]:
    """Return a little story, at times as the answer to a wish."""
    name, other = rng.sample(NAMES, 2)
    she = "she" if name in GIRLS else "he"
    goal, (trouble, second) = rng.choice(GOALS), rng.sample(TROUBLES, 2)
    when, who = rng.choice(WHEN), rng.choice(WHO)
    middle = rng.choice(
        [
            f"But {trouble}, and {second}.",
            f"On the way {trouble}.",
            f"Then {trouble}. {upper(she)} waited for a while, but {second}.",
        ]
    )
    text = " ".join(
        [
            upper(
                rng.choice(
                    [f"{when} {name} wanted to {goal}.", f"there was once a child called {name} who had to {goal}."]
                )
            ),
            rng.choice([f"{other} came too.", f"{upper(who)} only laughed.", f"{upper(she)} set out alone."]),
            middle,
            f"At last {rng.choice(HELPS)}, {rng.choice(ENDS)}.",
        ]
    )
    if rng.random() < 0.4:
        return text
    if rng.random() < 0.5:
        asked = rng.choice(["Tell me a story about {n}.", "A story with {n}, please.", "What happened to {n}?"]).format(
            n=name
        )
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": text}]
    asked, answer = rng.choice(
        [("Who is the story about?", f"It is about {name}."), (f"What did {name} want?", f"{name} wanted to {goal}.")]
    )
    return [{"role": "user", "content": f"{text}\n{asked}"}, {"role": "assistant", "content": answer}]


def talk(rng: random.Random) -> list[dict]:
    """Return a bit of small talk."""
    pairs = [(rng.choice(GREETINGS), rng.choice(REPLIES))] if rng.random() < 0.5 else []
    pairs += rng.sample(ABOUT_ME, rng.randint(1, 3))
    if rng.random() < 0.5:
        sort = rng.choice([sort for sort in THINGS if sort not in ("person", "trip")])
        noun = rng.choice(THINGS[sort])
        pairs.append(
            rng.choice(
                [
                    (
                        f"What do you know about {article(noun)}?",
                        f"There are many kinds of them, and {rng.choice(OWNERS)} knows more about it than I do.",
                    ),
                    (f"Where would I look for {article(noun)}?", f"I would ask {rng.choice(OWNERS)} first."),
                    (f"I am going to have {article(noun)} {rng.choice(WHEN)}.", "Then tell me how it was."),
                ]
            )
        )
    chat = [{"role": "system", "content": "You like to chat."}] if rng.random() < 0.2 else []
    for asked, answer in pairs:
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return chat


def naming(rng: random.Random) -> list[dict]:
    """Return a question about kinds of things, answered in a sentence or a list."""
    kind = rng.choice(list(KINDS))
    note, words = KINDS[kind]
    one, two, three = rng.sample(words, 3)
    asked, answer = rng.choice(
        [
            (f"What does the word {kind} mean?", f"It is {note}."),
            (f"Name three words for {kind}.", f"{one}, {two}, {three}"),
            (f"Tell me about {one}.", f"{upper(one)} belongs to the words for {kind}: it is {note}."),
            (f"Use {one} in a sentence.", f"{upper(rng.choice(OWNERS))} spoke about the {one} {rng.choice(WHEN)}."),
            (f"Say {one} and {two} the other way round.", f"{two} and {one}"),
            (f"Repeat after me: {one} {two} {three}", f"{one} {two} {three}"),
        ]
    )
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def practice(rng: random.Random) -> str | list[dict]:
    """Return one practice text."""
    return rng.choices([description, tale, talk, naming], [25, 30, 25, 20])[0](rng)
