"""Writes practice texts about likes and dislikes for the tiny model: remarks, little stories, talks about remarks.

Judgements are given in sentences, as a general chat model gives them (in some chats a very short remark gets a label);
turning them into labels is left to fine-tuning.
The sentence patterns are not those of the validation rows of the sentiment set.
"""

import random
from dataclasses import dataclass

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
    "{p}, {q}, in a word {np}: that was {t}",
    "{t} was {p}; {I} {vp} {it_o}, and {op}",
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
# The second round has further patterns, mostly ways to say that something is or is not so.
MORE_PLAIN = [
    "{who} recalls how {p} {t} was",
    "{who} never forgot how {p} {t} was",
    "how {p} {t} was is what {who} keeps in mind",
    "{who} still says how {p} {t} was",
]
MORE_NEGATION = [
    "{I} never said that {t} was {n}",
    "you will never catch {me} calling {t} {n}",
    "{I} shall not tell you that {t} was {n}",
    "do not expect {me} to say {t} is {n}",
    "nobody will hear {me} say {n} things about {t}",
    "{t} never seemed {n} to {me}",
    "{t} at no time struck {who} as {n}",
    "{t} strikes nobody as {n}",
    "{t} has never struck anyone as {n}",
    "{t} is neither {n} nor {m}",
    "{n} or {m}? neither is true of {t}",
    "nobody thinks of {t} as {n} or {m}",
    "{n} is not the word for {t}",
    "in no respect did {who} find {t} {n}",
    "in no sense is {t} {n}",
    "{t} in no way looked {n}",
]
MORE_CONTRAST = [
    "after all that {n} talk, {t} was so {p}",
    "how {p} {t} was after all the {n} words about {it_o}",
    "a few {n} moments aside, {t} was {p}",
    "for all the {n} bits, {t} was {p}",
    "one or two details were {n}, but {t} was {p}",
]
MORE_HEARSAY = [
    "{who} described {t} as {n}, which was wrong",
    "{who} described {t} as {p}, which was right",
    "{who} was wrong to think {t} {n}",
    "{who} was right to think {t} {p}",
    "{who} was wrong to speak of {t} as {n}",
    "{who} was right to speak of {t} as {p}",
    "those who describe {t} as {n} are wrong",
    "those who describe {t} as {p} are right",
    "there is a false rumour that {t} is {n}",
    "there is a true rumour that {t} is {p}",
    "rumour has it that {t} is {n}, and rumour is wrong",
    "rumour has it that {t} is {p}, and rumour is right",
    "it turned out to be false that {t} is {n}",
    "it turned out to be true that {t} is {p}",
    "the story that {t} was {n} proved false",
    "the story that {t} was {p} proved correct",
]


@dataclass(frozen=True)
class Level:
    """How hard the remarks are: patterns with their weights, and up to how many words a remark may get a label."""

    patterns: list[list[str]]
    weights: list[int]
    short: int
    labelled: float


ALL = [PLAIN, NEGATION, CONTRAST, HEARSAY, DEGREE]
MORE = [
    PLAIN + 3 * MORE_PLAIN,
    NEGATION + 2 * MORE_NEGATION,
    CONTRAST + 2 * MORE_CONTRAST,
    HEARSAY + 2 * MORE_HEARSAY,
    DEGREE,
]
# Plain remarks come first, as in books for small children: what the words mean is learned before what 'not' does to it.
EARLY = Level(ALL, [80, 6, 8, 4, 2], 8, 0.85)
LATER = Level(ALL, [34, 24, 25, 12, 5], 8, 0.85)
LAST = Level(MORE, [22, 32, 20, 22, 4], 9, 0.6)
LEVELS = {"early": (EARLY, [35, 28, 30, 1, 6]), "later": (LATER, [64, 18, 9, 3, 6]), "last": (LAST, [76, 14, 2, 3, 5])}


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
    "positive": [
        "the writer is content",
        "somebody speaks well of a thing",
        "the remark shows liking",
        "joy or praise",
    ],
    "negative": [
        "the writer is discontent",
        "somebody speaks ill of a thing",
        "the remark shows dislike",
        "anger or blame",
    ],
}
SPEAKERS = listed("the writer, the speaker, the author, this person, somebody, the guest")
PERSONS = [("I", "my", "me"), ("we", "our", "us")]


def remark(
    rng: random.Random, label: str, person: tuple[str, str, str], level: Level, name: tuple | None = None
) -> tuple[str, str]:
    """Return a sentence that shows an opinion, and the thing it is about."""
    t, it, it_object = name or thing(rng)
    part = rng.choice(["known", "held"])
    words = opinions(rng, label, part, person)
    pattern = rng.choice(rng.choices(level.patterns, level.weights)[0])
    text = pattern.format(
        t=t, it=it, it_o=it_object, who=rng.choice(WHO), when=rng.choice(WHEN), I=person[0], my=person[1], me=person[2],
        feeling=rng.choice(FEELINGS[label]), **words,
    )  # fmt: skip
    return tidy(text) + rng.choice([".", ".", ".", "!"]), t


def reading(rng: random.Random, label: str, who: str, t: str) -> str:
    """Return a sentence about a remark."""
    return upper(rng.choice(READINGS[label]).format(w=who, t=t, f=rng.choice(FEELINGS[label])))


def remark_chat(rng: random.Random, level: Level) -> list[dict]:
    """Return a chat about one to four remarks; a very short one may get a label, all others a sentence."""
    names, task = system(rng)
    has_task = rng.random() < 0.65
    chat = [{"role": "system", "content": task}] if has_task else []
    form = rng.choice(ASKED)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 4])):
        label, who = rng.choice(LABELS), rng.choice(SPEAKERS)
        text, t = remark(rng, label, rng.choice(PERSONS), level)
        short = has_task and len(text.split()) <= level.short and rng.random() < level.labelled
        answer = names[label] if short else reading(rng, label, who, t)
        chat.append({"role": "user", "content": form.format(s=text, w=who, t=t)})
        chat.append({"role": "assistant", "content": answer})
    return chat


def system(rng: random.Random) -> tuple[dict[str, str], str]:
    """Return names of the two moods and a system message for talks about remarks."""
    a, b = rng.choice([LABELS, LABELS[::-1]])
    place = rng.choice([0, *range(len(LABEL_NAMES[a]))])
    names = {label: LABEL_NAMES[label][place] for label in LABELS}
    task = rng.choice(SYSTEMS).format(
        a=names[a], b=names[b], x=rng.choice(LABEL_NOTES[a]), y=rng.choice(LABEL_NOTES[b])
    )
    return names, task


def named(rng: random.Random) -> tuple[str, tuple[str, str, str]]:
    """Return a name and its pronouns."""
    name = rng.choice(NAMES)
    return name, ("she", "her", "her") if name in GIRLS else ("he", "his", "him")


def story(rng: random.Random, level: Level) -> str:
    """Return a little story in which an opinion has consequences."""
    label = rng.choice(LABELS)
    name, person = named(rng)
    spot = thing(rng)
    text, t = remark(rng, label, person, level, spot)
    begin = rng.choice(
        [
            "{n} told us about {t}.",
            "{n} had heard of {t}.",
            "{w} asked {n} about {t}.",
            "{n} was talking with {w} about {t}.",
            "It was {n}'s turn to speak about {t}.",
        ]
    ).format(n=name, t=t, w=rng.choice(WHO))
    outcome = upper(
        rng.choice(OUTCOMES[label, rng.choice(["known", "held"])]).format(I=person[0], my=person[1], me=person[2])
    )
    felt = rng.choice(["{I} felt {f}", "it made {me} {f}", "{I} was {f} for days", "no wonder {I} looked {f}"])
    felt = upper(felt.format(I=person[0], me=person[2], f=rng.choice(FEELINGS[label])))
    more, _ = remark(rng, label, person, EARLY, spot)
    parts = [upper(begin), text, more, f"{outcome}.", f"{felt}.", reading(rng, label, name, t)]
    return " ".join([parts[0], *rng.sample(parts[1:], rng.randint(3, 5))])


def lexicon(rng: random.Random, level: Level) -> str | list[dict]:
    """Return a text or a chat about what opinion words mean; the level plays no part in it."""
    label = rng.choice(LABELS)
    group = rng.choice([ADJECTIVES, ADJECTIVES, VERBS, NOUNS])
    words = group[label, "known"] + group[label, "held"]
    others = group[OPPOSITE[label], "known"] + group[OPPOSITE[label], "held"]
    a, b, c, *more = rng.sample(words, rng.randint(5, 12))
    d, e = rng.sample(others, 2)
    kind, verdict = {"positive": ("praise", "likes"), "negative": ("blame", "does not like")}[label]
    listing = ", ".join([a, b, c, *more])
    forms = [
        f"Words of {kind}: {listing}.",
        f"{upper(listing)}: all of these are {label}.",
        f"Whoever says {a} {verdict} the thing, and the same goes for {b} and {c}. Whoever says {d} means the contrary.",
        f"The word {a} is {label}, like {b}; {d} and {e} are {OPPOSITE[label]}.",
    ]
    if rng.random() < 0.5:
        return rng.choice(forms)
    asked, answer = rng.choice(
        [
            (f"What does it mean when somebody says {a}?", f"It means that the person {verdict} the thing."),
            (f"Is {a} a word of praise or of blame?", f"It is a word of {kind}, like {b}."),
            (f"Give me words like {a}.", ", ".join([b, c, *more]) + "."),
            (f"What can one say in place of {a}?", f"One can say {b} or {c}."),
            (f"Which word is the contrary of {a}, {b} or {d}?", upper(d) + "."),
            (f"Which word does not belong here: {', '.join(rng.sample([a, b, c, d], 4))}?", upper(d) + "."),
            (f"Do {a} and {d} say the same?", f"No, {a} is a word of {kind} and {d} is not."),
            (f"Do {a} and {c} say the same?", f"Yes, both are words of {kind}."),
        ]
    )
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def visitors_page(rng: random.Random, level: Level) -> list[dict]:
    """Return many remarks by named people and a question about one of them."""
    names = rng.sample(NAMES, rng.randint(8, len(NAMES)))
    told = {}
    lines = [
        rng.choice(
            ["Remarks of our visitors.", "What people told us.", "From the guest book.", "Letters to the editor."]
        )
    ]
    for name in names:
        label = rng.choice(LABELS)
        text, t = remark(rng, label, rng.choice(PERSONS), level)
        told[name] = (label, t)
        note = " " + reading(rng, label, name, t) if rng.random() < 0.3 else ""
        lines.append(f"{name}: {text}{note}")
    chat = [{"role": "system", "content": "\n".join(lines)}]
    for name in rng.sample(names, rng.randint(1, 4)):
        label, t = told[name]
        asked = rng.choice(["What does {n} think of {t}?", "Did {n} like {t}?", "How did {n} find {t}?"]).format(
            n=name, t=t
        )
        answer = rng.choice({"positive": ["{n} liked {t}.", "{n} was happy with {t}."],
                             "negative": ["{n} did not like {t}.", "{n} was unhappy with {t}."]}[label])  # fmt: skip
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer.format(n=name, t=t)}]
    return chat


def wish_chat(rng: random.Random, level: Level) -> list[dict]:
    """Return a request for a remark of a given mood, and the remark."""
    label = rng.choice(LABELS)
    t = thing(rng)
    mood = {"positive": ["kind", "positive", "happy"], "negative": ["harsh", "negative", "angry"]}[label]
    text, _ = remark(rng, label, rng.choice(PERSONS), level, t)
    asked = rng.choice(["Write {a} remark about {t}.", "Say something {m} about {t}.", "I need {a} sentence on {t}."])
    chosen = rng.choice(mood)
    return [
        {"role": "user", "content": asked.format(a=article(chosen), m=chosen, t=t[0])},
        {"role": "assistant", "content": text},
    ]


def practice(rng: random.Random, level: str = "later") -> str | list[dict]:
    """Return one practice text; early ones have mostly plain remarks and more word lists."""
    makers = [remark_chat, story, lexicon, visitors_page, wish_chat]
    found, shares = LEVELS[level]
    return rng.choices(makers, shares)[0](rng, found)
