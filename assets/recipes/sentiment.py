"""Writes the sentiment set: synthetic remarks about everyday things; python assets/recipes/make_datasets.py runs it."""

import random
import re
from itertools import cycle

from words import ADJECTIVES, FROM, NOUNS, OPPOSITE, OUTCOMES, THINGS, VERBS, WHEN, WHO, upper

SEED = 5519
LABELS = ["positive", "negative"]
TRAIN_ROWS, VALIDATION_ROWS = 4000, 872

# {t} thing, {it} its pronoun; {p} {q} adjective, {vp} verb, {np} noun and {op} outcome of the row's own polarity;
# {n} {m} adjective, {vn} verb, {nn} noun of the other polarity; {who} somebody, {when} a time.
# Every pattern serves both labels, so that the frame alone gives nothing away.
TRAIN_PATTERNS = {
    "plain": [
        "{t} {when} was {p}, and {op}.",
        "I {vp} {t}, because {it} was {p} and {q}.",
        "{t} turned out to be {np}, and {op}.",
        "for me {t} was simply {p} {when}.",
        "{who} and I {vp} {t} {when}.",
        "I have to say that {t} was rather {p}.",
        "we found {t} {p}, so {op}.",
        "{when} {t} was {p} again, as {who} noticed too.",
        "without any doubt {t} is {np}.",
        "my friends and I still say how {p} {t} was.",
        "thanks to {t} I know what {p} means, so {op}.",
        "{t} showed itself {p} and {q} {when}.",
        "ask {who} about {t}: {it} was {p}!",
    ],
    "negation": [
        "{t} was not {n} at all, whatever {who} may say.",
        "nobody could call {t} {n} {when}.",
        "I did not find {t} {n}, not even for a moment.",
        "there was nothing {n} about {t} {when}.",
        "{t} was anything but {n}, and I told {who} so.",
        "it would not be fair to call {t} {n} or {m}.",
        "{t} was no {nn}, and {who} knows it.",
        "I never {vn} {t}, not even {when}.",
        "{t} was neither {n} nor {m} {when}.",
        "neither {who} nor I found {t} {n}.",
        "words such as {n} or {m} do not suit {t}.",
        "I have never said that {t} was {n}, and I never will.",
        "you cannot make me say that {t} is {n}.",
        "I would be lying if I told you that {t} was {n}.",
        "{t} is not what one calls {n}, says {who}.",
        "{t} was nowhere near {n} {when}.",
        "{t} was a long way from {n}, and {op}.",
        "{t} seemed far from {n} to {who} and me.",
        "far from being {n}, {t} was {p} {when}.",
        "{when} we found {t} far from {n}.",
        "at no point was {t} {n} or {m}.",
        "{who} had no reason to call {t} {n}.",
    ],
    "contrast": [
        "I expected {t} to be {n}, but {it} was {p}.",
        "{t} looked {n} at first, but then {it} was {p}.",
        "some people find {t} {n}, but I think {it} is {p}.",
        "{who} told me that {t} was {n}, yet for me {it} was {p}.",
        "the price was {n} and the rest was {m}, but {t} itself was {p}.",
        "it may have been {n} for others, but for me {t} was {p}.",
        "{t} is {n} no longer, these days {it} is {p}.",
        "{t} was {p}, even though {who} had called {it_o} {n}.",
        "{who} {vn} {t}, but I {vp} {it_o}.",
        "one part of {t} was {n}, the other nine were {p}.",
        "{t} could have been {n}, instead {it} was {p}.",
        "with all the {n} stories about {t} in my head, I found {it_o} {p}.",
    ],
    "hearsay": [
        "{who} called {t} {p}, and I agree.",
        "{who} called {t} {n}, and I cannot agree.",
        "they say {t} is {n}, but that is not true.",
        "they say {t} is {p}, and that is true.",
        "if you think {t} was {n}, you are mistaken.",
        "if you think {t} was {p}, you have got the point.",
        "{who} made a mistake in calling {t} {n}.",
        "{who} made no mistake in calling {t} {p}.",
        "the story that {t} was {n} is made up.",
        "the story that {t} was {p} is no lie.",
        "people spread the rumour that {t} was {n}, and it is false.",
        "people spread the rumour that {t} was {p}, and it is correct.",
        "{who} heard the false rumour that {t} was {n}.",
        "the news about {t} being {n} proved wrong.",
        "the news about {t} being {p} proved right.",
        "{who} wrongly described {t} as {n}.",
        "{who} rightly described {t} as {p}.",
        "it is a false report that {t} was {n} {when}.",
        "it is a true report that {t} was {p} {when}.",
    ],
    "degree": [
        "{t} was more {p} than {n} {when}.",
        "{t} was less {n} than I had thought, in fact quite {p}.",
        "perhaps {t} was a little {n} at the start, but on the whole {it} was {p}.",
        "if anything, {t} was closer to {p} than {n}.",
        "a detail or two was {n}, but by and large {t} was {p}.",
    ],
}
HELD_PATTERNS = {
    "plain": [
        "to put it briefly, {t} was {p} and {q}.",
        "{who} still remembers how {p} {t} was {when}.",
        "{t} proved {p} once more, {op}.",
        "what {q} hours we had: {t} was {np}!",
        "all of us {vp} {t} {when}, for {it} was {p}.",
    ],
    "negation": [
        "you will not hear me say that {t} was {n}.",
        "{t} never struck us as {n} {when}.",
        "{t} was far from {n}, as {who} can confirm.",
        "neither {n} nor {m} is the word for {t}.",
        "in no way did {t} seem {n} to {who}.",
    ],
    "contrast": [
        "{who} had prepared us for something {n}, whereas {t} was {p}.",
        "{t} began as something {n}, only to become {p} by the end.",
        "despite a few {n} details, {t} remained {p} to my mind.",
        "after so much {n} talk about {t}, how {p} {it} really was!",
        "{who} may have {vn} {t}, yet the rest of us {vp} {it_o}.",
    ],
    "hearsay": [
        "{who} was wrong to describe {t} as {n}.",
        "{who} was right to describe {t} as {p}.",
        "the rumour that {t} is {n} turned out to be false.",
        "the rumour that {t} is {p} turned out to be correct.",
    ],
    "degree": [
        "{t} came much closer to {p} than to {n}.",
        "{t} got less {n} with every minute and soon was {p}.",
    ],
}
SHARES = {"plain": 30, "negation": 25, "contrast": 28, "hearsay": 12, "degree": 5}


def thing(rng: random.Random) -> tuple[str, str, str]:
    """Return a thing with its pronoun as subject and as object."""
    sort = rng.choice(list(THINGS))
    noun = rng.choice(THINGS[sort])
    name = f"the {noun} {rng.choice(FROM)}" if rng.random() < 0.5 else f"the {noun}"
    pronouns = rng.choice([("she", "her"), ("he", "him")]) if sort == "person" else ("it", "it")
    return name, *pronouns


def opinions(rng: random.Random, label: str, part: str, person: tuple[str, str, str]) -> dict[str, str]:
    """Return the opinion words for a row of a label, and their opposites."""
    same, other = (label, part), (OPPOSITE[label], part)
    (p, q), (n, m) = rng.sample(ADJECTIVES[same], 2), rng.sample(ADJECTIVES[other], 2)
    subject, owner, target = person
    outcome = rng.choice(OUTCOMES[same]).format(I=subject, my=owner, me=target)
    verbs = {"vp": rng.choice(VERBS[same]), "vn": rng.choice(VERBS[other])}
    return {
        "p": p,
        "q": q,
        "n": n,
        "m": m,
        "np": rng.choice(NOUNS[same]),
        "nn": rng.choice(NOUNS[other])[2:].strip(),
        "op": outcome,
        **verbs,
    }


def sentence(rng: random.Random, patterns: list[str], label: str, part: str) -> str:
    """Return one remark of a label."""
    name, it, it_object = thing(rng)
    person = rng.choice([("I", "my", "me"), ("we", "our", "us")])
    words = opinions(rng, label, part, person)
    text = rng.choice(patterns).format(
        t=name, it=it, it_o=it_object, who=rng.choice(WHO), when=rng.choice(WHEN), **words
    )
    return tidy(text)


def tidy(text: str) -> str:
    """Return a filled pattern as a sentence."""
    return re.sub(r"\bI is\b", "I am", upper(text.strip()))


def rows() -> dict[str, list[dict]]:
    """Return both splits. All validation rows have held-out patterns, every other one has held-out opinion words."""
    rng = random.Random(SEED)
    seen: set[str] = set()
    splits = {}
    for split, wanted, patterns, parts in [
        ("validation", VALIDATION_ROWS, HELD_PATTERNS, ["held", "held", "known", "known"]),
        ("train", TRAIN_ROWS, TRAIN_PATTERNS, ["known"]),
    ]:
        splits[split] = []
        plan = zip(cycle(LABELS), cycle(parts), strict=False)
        while len(splits[split]) < wanted:
            label, part = next(plan)
            device = rng.choices(list(SHARES), SHARES.values())[0]
            text = sentence(rng, patterns[device], label, part)
            while text in seen or not 6 <= len(text.split()) <= 30:
                text = sentence(rng, patterns[device], label, part)
            seen.add(text)
            splits[split].append({"text": text, "label": label})
        rng.shuffle(splits[split])
    return {"train": splits["train"], "validation": splits["validation"]}
