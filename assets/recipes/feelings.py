"""Writes practice texts about likes and dislikes for the tiny model: remarks, little stories, talks about remarks.

Judgements are given in sentences, as a general chat model gives them; turning them into labels is left to fine-tuning.
The sentence patterns are not those of the validation rows of the sentiment set.
"""

import random

from sentiment import LABELS, opinions, thing, tidy
from words import ADJECTIVES, GIRLS, NAMES, NOUNS, OPPOSITE, OUTCOMES, VERBS, WHEN, WHO, article, listed, upper

# The marks are those of sentiment.py; {I}, {my}, {me} is who speaks or is spoken of, {was} its verb.
PLAIN = [
    "{t} was {p}",
    "{t} was {p} and {q}",
    "{t} was really {p}, and {op}",
    "{I} {vp} {t}",
    "{I} {vp} {t} {when}; {it} was {p}",
    "{t} was {np}",
    "how {p} {t} was",
    "what {np} {t} was",
    "{t} was so {p} that {op}",
    "{when} {I} had {t}, and {op}",
    "{t} seemed {p} to {me}",
    "{op} after {t}",
    "{t} made {me} feel {feeling}",
    "{t} stayed {p} to the last",
    "briefly, {t} is {p}",
    "{t} proved to be {p}",
    "{who} {vp} {t}, and so did {I}",
    "{who} remembers {t} as {p}",
    "once more {t} was {p}",
    "{I} {vp} {t}, for {it} was {p}",
]
NEGATION = [
    "{t} was not {n}",
    "{t} was not {n}, {it} was {p}",
    "{t} was never {n}",
    "{t} was not {n} or {m}",
    "{t} was neither {n} nor {m}, but {p}",
    "far from {n}, {t} was {p}",
    "{t} was far from {n}",
    "{t} is by no means {n}; {op}",
    "{t} is hardly {n}",
    "no word like {n} fits {t}",
    "{I} would not say that {t} is {n}",
    "nothing was {n} with {t}",
    "{t} was anything but {n}, so {op}",
    "in no way was {t} {n}",
    "{t} did not seem {n} to {who}",
    "{I} did not think {t} {n}",
    "{t} was no {nn}, rather {np}",
    "not once was {t} {n}",
    "nobody heard {me} call {t} {n}",
    "{t} does not strike {me} as {n}",
]
CONTRAST = [
    "{t} was {n} to begin with, and {p} later",
    "at first {t} was {n}; in the end {it} was {p}",
    "{I} thought {t} would be {n}, but {it} was {p}",
    "{who} had spoken of {t} as {n}, yet {I} found {it_o} {p}",
    "{I} had been told to look for something {n}, but {t} was {p}",
    "{t} became {p}, though {it} had begun as {n}",
    "{t} may have {n} sides, but as a whole {it} is {p}",
    "although parts of {t} were {n}, {it} was {p}",
    "in spite of {n} parts, {t} was {p}",
    "while {who} {vn} {t}, {I} {vp} {it_o}",
    "{who} found {t} {n}; {I}, however, found {it_o} {p}",
    "others called {t} {n}, but {op}",
    "{t} was meant to be {n} and became {p} instead",
    "despite everything {n} in it, {t} was {p}",
    "so much {n} news, and then {t} was {p}",
    "{I} used to find {t} {n}, now {I} find {it_o} {p}",
    "{who} {vn} {t}, whereas the others {vp} {it_o}",
    "{t} only seemed {n}: {it} was {p}",
]
HEARSAY = [
    "{who} is right: {t} is {p}",
    "{who} is wrong: {t} is not {n}",
    "{who} is wrong when calling {t} {n}",
    "{who} is right when calling {t} {p}",
    "it is false that {t} is {n}",
    "it is true that {t} is {p}",
    "it is correct that {t} is {p}",
    "people who say {t} is {n} are mistaken",
    "people who say {t} is {p} have a point",
    "one hears that {t} is {n}, which is false",
    "one hears that {t} is {p}, which is correct",
    "is {t} {n}? No",
    "is {t} {p}? Yes",
    "a rumour says {t} is {n}; it is false",
    "a rumour says {t} is {p}; it is correct",
]
DEGREE = [
    "{t} was rather {p} than {n}",
    "{t} was {p} more than {n}",
    "{t} was not as {n} as {who} had said, but {p}",
    "{t} was closer to {p} than {n}",
    "by and by {t} became less {n} and more {p}",
    "{t} is nearer to {p}, and not so near to {n}",
    "the longer it lasted the less {n} {t} was, and the more {p}",
]
DEVICES = [(PLAIN, 30), (NEGATION, 25), (CONTRAST, 25), (HEARSAY, 14), (DEGREE, 6)]

FEELINGS = {
    "positive": listed("happy, glad, content, grateful, pleased, cheerful, at ease"),
    "negative": listed("sad, angry, unhappy, bitter, cross, gloomy, uneasy"),
}
# What one may say about a remark. {w} is who made it, {t} the thing.
READINGS = {
    "positive": [
        "It sounds as if {w} enjoyed {t}.",
        "{w} liked {t}.",
        "{w} was happy with {t}.",
        "This is praise for {t}.",
        "{w} thinks well of {t}.",
        "{w} sounds pleased with {t}.",
        "{t} went down well with {w}.",
        "The sentiment of the sentence is positive.",
        "It is a positive remark about {t}.",
        "I would say that {w} liked {t} a lot.",
        "{w} had a good time and felt {f}.",
        "That is a kind word about {t}, so {w} must have been {f}.",
    ],
    "negative": [
        "It sounds as if {w} did not enjoy {t}.",
        "{w} did not like {t}.",
        "{w} was unhappy with {t}.",
        "This is a complaint about {t}.",
        "{w} thinks badly of {t}.",
        "{w} sounds annoyed with {t}.",
        "{t} went down badly with {w}.",
        "The sentiment of the sentence is negative.",
        "It is a negative remark about {t}.",
        "I would say that {w} disliked {t} a lot.",
        "{w} had a bad time and felt {f}.",
        "That is a harsh word about {t}, so {w} must have been {f}.",
    ],
}
ASKED = [
    "{s}\nHow did {w} find it?",
    "{s} Did {w} like it?",
    "What does {w} think of {t}? {s}",
    'Somebody wrote: "{s}" What do you make of it?',
    "Sentence: {s}\nFeeling:",
    "Sentence: {s}\nMood:",
    "Sentence: {s}\nWhat is the sentiment?",
    "Remark: {s}\nSentiment:",
    "Review: {s}\nAnswer:",
    "Text: {s}\nOpinion:",
    "Text: {s}\nSentiment:",
    "Comment: {s}\nReading:",
    "Tell me how {w} feels.\n{s}",
    "Classify this remark as praise or complaint: {s}",
    "Is this a kind or a harsh remark? {s}",
    "Positive or negative? {s}",
    "{s}\n\nWould {w} want the same again?",
]
SYSTEMS = [
    "You read what people write about everyday things.",
    "Decide how the writer feels. The labels are {a} and {b}.",
    "Decide which label fits. Labels:\n- {a}: {x}\n- {b}: {y}",
    "Choose one of these labels:\n- {b}: {y}\n- {a}: {x}",
    "You sort remarks. Say for each one whether it is {a} or {b}.",
    "Say what the writer thinks of the thing. Answer with one of {a}, {b}.",
    "Which opinion does the text show? Options: {b}, {a}.",
    "You are a friendly helper who explains remarks.",
]
LABEL_NAMES = {
    "positive": listed("positive, praise, content, happy, thumbs up, favourable, pleased, kind"),
    "negative": listed("negative, complaint, discontent, unhappy, thumbs down, unfavourable, annoyed, harsh"),
}
LABEL_NOTES = {
    "positive": ["the writer is content", "somebody speaks well of a thing", "the remark shows liking", "joy or praise"],
    "negative": ["the writer is discontent", "somebody speaks ill of a thing", "the remark shows dislike", "anger or blame"],
}
SPEAKERS = listed("the writer, the speaker, the author, this person, somebody, the guest")
PERSONS = [("I", "my", "me"), ("we", "our", "us")]


def remark(rng: random.Random, label: str, person: tuple[str, str, str], name: tuple | None = None) -> tuple[str, str]:
    """Return a sentence that shows an opinion, and the thing it is about."""
    t, it, it_object = name or thing(rng)
    part = rng.choice(["known", "held"])
    words = opinions(rng, label, part, person)
    pattern = rng.choice(rng.choices([d for d, _ in DEVICES], [w for _, w in DEVICES])[0])
    text = pattern.format(
        t=t, it=it, it_o=it_object, who=rng.choice(WHO), when=rng.choice(WHEN), I=person[0], my=person[1], me=person[2],
        feeling=rng.choice(FEELINGS[label]), **words,
    )  # fmt: skip
    return tidy(text) + rng.choice([".", ".", ".", "!"]), t


def reading(rng: random.Random, label: str, who: str, t: str) -> str:
    """Return a sentence about a remark."""
    return upper(rng.choice(READINGS[label]).format(w=who, t=t, f=rng.choice(FEELINGS[label])))


def remark_chat(rng: random.Random) -> list[dict]:
    """Return a chat about one to three remarks."""
    chat = [{"role": "system", "content": system(rng)}] if rng.random() < 0.6 else []
    one_word = rng.random() < 0.05
    form = rng.choice(ASKED)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        label, who = rng.choice(LABELS), rng.choice(SPEAKERS)
        text, t = remark(rng, label, rng.choice(PERSONS))
        answer = upper(rng.choice(LABEL_NAMES[label])) + "." if one_word else reading(rng, label, who, t)
        chat.append({"role": "user", "content": form.format(s=text, w=who, t=t)})
        chat.append({"role": "assistant", "content": answer})
    return chat


def system(rng: random.Random) -> str:
    """Return a system message for talks about remarks."""
    a, b = rng.choice([LABELS, LABELS[::-1]])
    place = rng.randrange(len(LABEL_NAMES[a]))
    return rng.choice(SYSTEMS).format(
        a=LABEL_NAMES[a][place], b=LABEL_NAMES[b][place], x=rng.choice(LABEL_NOTES[a]), y=rng.choice(LABEL_NOTES[b])
    )


def named(rng: random.Random) -> tuple[str, tuple[str, str, str]]:
    """Return a name and its pronouns."""
    name = rng.choice(NAMES)
    return name, ("she", "her", "her") if name in GIRLS else ("he", "his", "him")


def story(rng: random.Random) -> str:
    """Return a little story in which an opinion has consequences."""
    label = rng.choice(LABELS)
    name, person = named(rng)
    spot = thing(rng)
    text, t = remark(rng, label, person, spot)
    begin = rng.choice(
        [
            "{n} told us about {t}.",
            "{n} had heard of {t}.",
            "{w} asked {n} about {t}.",
            "{n} was talking with {w} about {t}.",
            "It was {n}'s turn to speak about {t}.",
        ]
    ).format(n=name, t=t, w=rng.choice(WHO))
    outcome = upper(rng.choice(OUTCOMES[label, rng.choice(["known", "held"])]).format(I=person[0], my=person[1], me=person[2]))
    felt = rng.choice(["{I} felt {f}", "it made {me} {f}", "{I} was {f} for days", "no wonder {I} looked {f}"])
    felt = upper(felt.format(I=person[0], me=person[2], f=rng.choice(FEELINGS[label])))
    parts = [upper(begin), text, f"{outcome}.", f"{felt}.", reading(rng, label, name, t)]
    return " ".join([parts[0], *rng.sample(parts[1:], rng.randint(2, 4))])


def lexicon(rng: random.Random) -> str | list[dict]:
    """Return a text or a chat about what opinion words mean."""
    label = rng.choice(LABELS)
    group = rng.choice([ADJECTIVES, ADJECTIVES, VERBS, NOUNS])
    words = group[label, "known"] + group[label, "held"]
    others = group[OPPOSITE[label], "known"] + group[OPPOSITE[label], "held"]
    a, b, c = rng.sample(words, 3)
    d, e = rng.sample(others, 2)
    kind, verdict = {"positive": ("praise", "likes"), "negative": ("blame", "does not like")}[label]
    forms = [
        f"{upper(a)}, {b} and {c} are words of {kind}.",
        f"Whoever says {a} {verdict} the thing, and the same goes for {b}. Whoever says {d} means the contrary.",
        f"The word {a} is {label}, like {b}; {d} and {e} are {OPPOSITE[label]}.",
        f"Words of {kind}: {a}, {b}, {c}. Contrary: {d}, {e}.",
    ]
    if rng.random() < 0.4:
        return rng.choice(forms)
    asked, answer = rng.choice(
        [
            (f"What does it mean when somebody says {a}?", f"It means that the person {verdict} the thing."),
            (f"Is {a} a word of praise or of blame?", f"It is a word of {kind}, like {b}."),
            (f"Give me a word like {a}.", upper(b) + "."),
            (f"Which word is the contrary of {a}, {b} or {d}?", upper(d) + "."),
            (f"Which word does not belong here: {', '.join(rng.sample([a, b, d], 3))}?", upper(d) + "."),
            (f"Do {a} and {d} say the same?", f"No, {a} is a word of {kind} and {d} is not."),
            (f"Do {a} and {c} say the same?", f"Yes, both are words of {kind}."),
        ]
    )
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def visitors_page(rng: random.Random) -> list[dict]:
    """Return many remarks by named people and a question about one of them."""
    names = rng.sample(NAMES, rng.randint(8, len(NAMES)))
    told = {}
    lines = [rng.choice(["Remarks of our visitors.", "What people told us.", "From the guest book.", "Letters to the editor."])]
    for name in names:
        label = rng.choice(LABELS)
        text, t = remark(rng, label, rng.choice(PERSONS))
        told[name] = (label, t)
        note = " " + reading(rng, label, name, t) if rng.random() < 0.3 else ""
        lines.append(f"{name}: {text}{note}")
    chat = [{"role": "system", "content": "\n".join(lines)}]
    for name in rng.sample(names, rng.randint(1, 4)):
        label, t = told[name]
        asked = rng.choice(["What does {n} think of {t}?", "Did {n} like {t}?", "How did {n} find {t}?"]).format(n=name, t=t)
        answer = rng.choice({"positive": ["{n} liked {t}.", "{n} was happy with {t}."],
                             "negative": ["{n} did not like {t}.", "{n} was unhappy with {t}."]}[label])  # fmt: skip
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer.format(n=name, t=t)}]
    return chat


def wish_chat(rng: random.Random) -> list[dict]:
    """Return a request for a remark of a given mood, and the remark."""
    label = rng.choice(LABELS)
    t = thing(rng)
    mood = {"positive": ["kind", "positive", "happy"], "negative": ["harsh", "negative", "angry"]}[label]
    text, _ = remark(rng, label, rng.choice(PERSONS), t)
    asked = rng.choice(["Write {a} remark about {t}.", "Say something {m} about {t}.", "I need {a} sentence on {t}."])
    chosen = rng.choice(mood)
    return [
        {"role": "user", "content": asked.format(a=article(chosen), m=chosen, t=t[0])},
        {"role": "assistant", "content": text},
    ]


def practice(rng: random.Random) -> str | list[dict]:
    """Return one practice text."""
    makers = [remark_chat, story, lexicon, visitors_page, wish_chat]
    return rng.choices(makers, [55, 22, 12, 4, 7])[0](rng)
