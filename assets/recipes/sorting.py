"""Writes practice tasks with a label as the answer for the tiny model, none of them about opinions or feelings."""

import random

from words import KINDS, NAMES, article, listed, upper

PEOPLE = listed(
    "the baker, the nurse, my aunt, the farmer, a pilot, the child, our neighbour, the clerk, a stranger, the miller"
)
# base form, past form, thing
DEEDS = [entry.split("/") for entry in listed("""carry/carried/the basket, open/opened/the window, paint/painted/the
    fence, wash/washed/the plates, read/read aloud/a letter, find/found/a coin, sell/sold/two hens, mend/mended/the roof,
    bring/brought/fresh bread, write/wrote/a list, lift/lifted/the box, draw/drew/a map, water/watered/the roses,
    cook/cooked/some beans, lose/lost/the key, buy/bought/a ticket, hide/hid/the parcel, clean/cleaned/the stove""")]  # fmt: skip
PLACES = listed(
    "in the kitchen, by the river, behind the barn, at the station, in the yard, on the stairs, near the church"
)
TOPICS = {
    "cooking": ("meals, pans and ovens", ["the soup needs salt", "he peels the onions", "the bread is in the oven"]),
    "garden": ("beds, trees and seeds", ["the roses need water", "she sows the beans", "the hedge has grown"]),
    "travel": ("trips, trains and luggage", ["the train leaves at nine", "we packed two bags", "the ferry goes north"]),
    "school": (
        "lessons, pupils and marks",
        ["the pupils write a test", "the lesson ends at ten", "he learns to spell"],
    ),
    "money": ("prices, coins and debts", ["the rent is due", "she counts the coins", "the loan was paid back"]),
    "sport": ("games, teams and races", ["the team won the game", "he ran the race", "the ball hit the post"]),
    "weather": ("rain, wind and sun", ["it rains in the hills", "the wind turns east", "fog lies on the lake"]),
    "music": ("songs, instruments and choirs", ["the choir sings at six", "she tunes the harp", "the drum is loud"]),
    "building": (
        "walls, roofs and doors",
        ["the wall is two feet thick", "they lay the bricks", "the roof has a hole"],
    ),
    "health": ("doctors, medicine and rest", ["the doctor felt his pulse", "take one pill a day", "she has a cough"]),
    "clothes": ("coats, shirts and cloth", ["the coat lacks a button", "he irons his shirts", "the sleeve is torn"]),
    "boats": ("ships, sails and harbours", ["the sail is white", "they drop the anchor", "the boat is in the dock"]),
}
ASKED = [
    "Text: {s}\nAnswer:",
    "Text: {s}\nLabel:",
    "Sentence: {s}\nLabel:",
    "Sentence: {s}\nAnswer:",
    "Input: {s}\nOutput:",
    "{s}",
    "{s}\nWhich one is it?",
    "Item: {s}\nClass:",
    "Which label fits? {s}",
    'Here it is: "{s}"\nLabel:',
]
TASKS = [
    "Choose the label that fits. Labels: {l}.",
    "Answer with one of: {l}.",
    "Sort what you are given. The classes are\n{d}",
    "Decide which label fits. Answer with the label only.\n{d}",
    "Give exactly one of these labels:\n{d}",
    "Classify the input as {o}.",
    "Is it {o}? Say only that.",
    "You label texts. Use nothing but the labels {l}.",
    "Decide what it is. Answer with one label:\n{d}",
]


def deed(rng: random.Random) -> tuple[str, str, str, str, str]:
    """Return somebody, an action in its base and past form, a thing and a place."""
    base, past, what = rng.choice(DEEDS)
    return rng.choice(PEOPLE), base, past, what, rng.choice(PLACES)


def of_kind(rng: random.Random) -> tuple[dict, str, str]:
    """Return labels with notes, an item and its label: kinds of words."""
    chosen = rng.sample(list(KINDS), rng.randint(2, 6))
    label = rng.choice(chosen)
    return {name: KINDS[name][0] for name in chosen}, rng.choice(KINDS[label][1]), label


def of_topic(rng: random.Random) -> tuple[dict, str, str]:
    """Return labels with notes, an item and its label: topics of sentences."""
    chosen = rng.sample(list(TOPICS), rng.randint(2, 6))
    label = rng.choice(chosen)
    return (
        {name: f"the text is about {TOPICS[name][0]}" for name in chosen},
        upper(rng.choice(TOPICS[label][1])) + ".",
        label,
    )


def of_time(rng: random.Random) -> tuple[dict, str, str]:
    """Return labels with notes, an item and its label: past, present, future."""
    notes = {"past": "it has happened", "present": "it happens now", "future": "it will happen"}
    who, base, past, what, where = deed(rng)
    label = rng.choice(list(notes))
    form = {
        "past": past,
        "present": f"is about to {base}" if rng.random() < 0.2 else f"likes to {base}",
        "future": f"will {base}",
    }
    return notes, upper(f"{who} {form[label]} {what} {where}."), label


def of_form(rng: random.Random) -> tuple[dict, str, str]:
    """Return labels with notes, an item and its label: questions, statements, orders."""
    notes = {
        "question": "somebody asks something",
        "statement": "somebody tells something",
        "order": "somebody is told to act",
    }
    who, base, past, what, where = deed(rng)
    items = {
        "question": rng.choice([f"did {who} {base} {what} {where}?", f"why does {who} {base} {what}?"]),
        "statement": f"{who} {past} {what} {where}.",
        "order": rng.choice([f"{base} {what} {where}!", f"go and {base} {what}!"]),
    }
    label = rng.choice(list(items))
    return notes, upper(items[label]), label


def of_number(rng: random.Random) -> tuple[dict, str, str]:
    """Return labels with notes, an item and its label: one thing or several."""
    notes = {"singular": "it names one thing", "plural": "it names more than one thing"}
    noun = rng.choice(KINDS[rng.choice(["animal", "tool", "vehicle", "job", "vegetable"])][1])
    label = rng.choice(list(notes))
    return (
        notes,
        article(noun) if label == "singular" else f"{rng.choice(['two', 'some', 'many', 'ten'])} {noun}s",
        label,
    )


def of_size(rng: random.Random) -> tuple[dict, str, str]:
    """Return labels with notes, an item and its label: numbers below and above a hundred."""
    notes = {"small": "a number below a hundred", "large": "a number of a hundred or more"}
    label = rng.choice(list(notes))
    return notes, str(rng.randint(2, 99) if label == "small" else rng.randint(100, 999)), label


SORTS = [of_kind, of_topic, of_time, of_form, of_number, of_size]


def sorting_chat(rng: random.Random) -> list[dict]:
    """Return a task with labels and one to four answers."""
    maker = rng.choices(SORTS, [5, 5, 3, 3, 1, 1])[0]
    notes, item, label = maker(rng)
    names = list(notes)
    task = rng.choice(TASKS).format(
        l=", ".join(names), o=" or ".join(names), d="\n".join(f"- {name}: {note}" for name, note in notes.items())
    )
    form = rng.choice(ASKED)
    asked = form.format(s=item)
    as_system = rng.random() < 0.75
    chat = [{"role": "system", "content": task}] if as_system else []
    chat.append({"role": "user", "content": asked if as_system else f"{task}\n{asked}"})
    chat.append({"role": "assistant", "content": label})
    return chat


def pick_chat(rng: random.Random) -> list[dict]:
    """Return a small question whose answer is one word."""
    kind, other = rng.sample(list(KINDS), 2)
    same = rng.sample(KINDS[kind][1], 3)
    odd = rng.choice(KINDS[other][1])
    mixed = rng.sample([*same, odd], 4)
    told = ", ".join(mixed)
    asked, answer = rng.choice(
        [
            (f"Which word does not belong here: {told}?", odd),
            (f"Odd one out: {told}", odd),
            (f"Which of these is {article(kind)}: {', '.join(rng.sample([same[0], odd], 2))}?", same[0]),
            (f"Is {article(same[0])} {article(kind)}? Answer yes or no.", "yes"),
            (f"Is {article(odd)} {article(kind)}? Answer yes or no.", "no"),
            (f"Pick the last word: {told}", mixed[-1]),
            (f"Pick the first word: {told}", mixed[0]),
            (f"What kind of word is {odd}?", other),
        ]
    )
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def labels_page(rng: random.Random) -> list[dict]:
    """Return a page of labels with notes and examples, and texts to be labelled."""
    kinds = rng.random() < 0.5
    table = KINDS if kinds else TOPICS
    chosen = rng.sample(list(table), rng.randint(6, len(table)))
    lines = [
        rng.choice(
            ["Use these labels.", "Read the notes, then give one label.", "Answer with one of the labels below."]
        )
    ]
    for name in chosen:
        note, examples = table[name]
        one, two = rng.sample(examples, 2)
        other = rng.choice([entry for entry in chosen if entry != name])
        lines.append(
            rng.choice(
                [
                    f"- {name}: {note}. Examples are '{one}' and '{two}'. Do not mix it up with {other}, which is {table[other][0]}.",
                    f"- {name}: use it for {note}, as in '{one}'. When it is rather {table[other][0]}, take {other}.",
                    f"- {name}: stands for {note}. Take '{one}' or '{two}': both get this label, and never {other}.",
                ]
            )
        )
    chat = [{"role": "system", "content": "\n".join(lines)}]
    form = rng.choice(ASKED[:5])
    for _ in range(rng.randint(1, 4)):
        label = rng.choice(chosen)
        item = rng.choice(table[label][1])
        chat += [{"role": "user", "content": form.format(s=item if kinds else upper(item) + ".")}]
        chat += [{"role": "assistant", "content": label}]
    return chat


def prices_page(rng: random.Random) -> list[dict]:
    """Return a long list of who has what, and questions about it."""
    names = rng.sample(NAMES, rng.randint(10, len(NAMES)))
    goods = {name: rng.choice(KINDS[rng.choice(["fruit", "animal", "tool", "clothing", "drink"])][1]) for name in names}
    costs = {name: rng.randint(2, 99) for name in names}
    lines = ["Register of the market."]
    for name in names:
        where = rng.choice(PLACES)
        lines.append(
            rng.choice(
                [
                    f"{name} offers {goods[name]} {where} and takes {costs[name]} coins for it.",
                    f"{where}, {name} can be found with {goods[name]}; the price is {costs[name]} coins.",
                    f"For {costs[name]} coins one gets {goods[name]} from {name}, who stands {where}.",
                ]
            )
        )
    chat = [{"role": "system", "content": "\n".join(upper(line) for line in lines)}]
    for name in rng.sample(names, rng.randint(1, 4)):
        asked, answer = rng.choice(
            [
                (f"What does {name} offer?", f"{name} offers {goods[name]}."),
                (f"How many coins does {name} take?", f"{costs[name]} coins."),
            ]
        )
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return chat


def practice(rng: random.Random) -> list[dict]:
    """Return one practice chat."""
    return rng.choices([sorting_chat, pick_chat, labels_page, prices_page], [72, 20, 5, 3])[0](rng)
