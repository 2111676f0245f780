"""Writes the claims set: claims about an invented world, each with a source, a search trace and a verdict."""

import random

SEED = 3407
TRAIN_ROWS = 800
VALIDATION_ROWS = 120
LABELS = ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"]
HELD_OUT_OF_EACH = 2  # the last two names of every sort of thing appear in validation only

# ---------------------------------------------------------------------------------------------------------------
# The world
# ---------------------------------------------------------------------------------------------------------------

NAMES = {
    "lake": """Lake Orrin, Lake Vessel, Lake Tamble, Lake Brisk, Lake Hollin, Lake Quern, Lake Sedge, Lake Marrow,
        Lake Opal, Lake Fennet""",
    "village": """Pelm, Osterby, Tannock, Wrenfold, Kelsa, Dunmere, Habble, Crossen, Millet, Yarrowby, Stenn,
        Lutterfold, Aldhay, Brum""",
    "bridge": """Ostel Bridge, Twin Bridge, Heron Bridge, Salter Bridge, Knuckle Bridge, Maiden Bridge, Copper Bridge,
        Tallow Bridge, Gander Bridge, Rill Bridge""",
    "tower": """Garran Tower, Crow Tower, Bell Tower of Ames, Lamp Tower, Widow Tower, Thorn Tower, Ledger Tower,
        Whistle Tower, Pike Tower""",
    "trade": """Reed-plaiting, Horn-turning, Bell-casting, Eel-smoking, Peat-cutting, Kite-stitching, Salt-raking,
        Glass-blowing, Cork-carving, Oar-shaping""",
    "festival": """Lantern Night, Goose Walk, Turnip Sunday, Ribbon Day, Ladder Feast, Quiet Week, Kettle Fair,
        Feather Dance, Boot Race, Onion Eve""",
}

ATTRIBUTES = {
    "lake": ["district", "depth", "colour", "fame"],
    "village": ["district", "year", "founder", "fame"],
    "bridge": ["village", "length", "year", "colour"],
    "tower": ["village", "height", "year", "founder"],
    "trade": ["village", "year", "founder", "fame"],
    "festival": ["village", "year", "month", "fame"],
}

FIRST_YEARS, LAST_YEARS = 1310, 1890

POOLS = {
    "district": ["the Amber Vale", "the Low Marsh", "the Tarrow Hills", "the Saltings", "the Birchland"],
    "depth": [f"{number} metres" for number in range(12, 96, 7)],
    "length": [f"{number} metres" for number in range(30, 240, 15)],
    "height": [f"{number} metres" for number in range(18, 80, 5)],
    "colour": ["green", "grey", "blue", "brown", "white", "red", "black", "yellow"],
    "month": ["January", "March", "April", "May", "June", "August", "September", "October", "November"],
    "year": [str(number) for number in range(FIRST_YEARS, LAST_YEARS, 13)],
    "founder": """Ada Brill, Tom Hask, Nell Orme, Jory Pand, Mina Stout, Abel Crake, Petra Loam, Silas Wend, Ida Furl,
        Oswin Tarn, Greta Moss, Bram Tilling""".replace("\n", " ").split(","),
    "fame": """smoked eels, tin whistles, clay pots, sour cherries, straw hats, wild swans, goat cheeses, barley loaves,
        tall sunflowers, wooden clogs, honey cakes, brass bells, river pearls, woollen socks, painted boats,
        pickled onions""".replace("\n", " ").split(","),
}
POOLS = {name: [" ".join(value.split()) for value in values] for name, values in POOLS.items()}


def names(sort: str) -> list[str]:
    """Return the names of one sort of thing."""
    return [" ".join(name.split()) for name in NAMES[sort].split(",")]


def make_world() -> dict[str, dict]:
    """Return every entity with its sort, its facts and whether it is held out; training meets no held-out village."""
    rng = random.Random(SEED)
    villages = names("village")[:-HELD_OUT_OF_EACH]
    world = {}
    for sort, attributes in ATTRIBUTES.items():
        every = names(sort)
        for name in every:
            facts = {a: rng.choice(villages if a == "village" else POOLS[a]) for a in attributes}
            world[name] = {"sort": sort, "facts": facts, "held": name in every[-HELD_OUT_OF_EACH:]}
    return world


WORLD = make_world()
KNOWN_VILLAGES = names("village")[:-HELD_OUT_OF_EACH]

# ---------------------------------------------------------------------------------------------------------------
# Wording. {n} is the name or 'it', {v} the value. The verbs that depend on the sort stand in VERBS.
# ---------------------------------------------------------------------------------------------------------------

VERBS = {
    "lake": {"lies": "lies"},
    "village": {"lies": "lies", "began": "was founded", "by": "was founded"},
    "bridge": {"lies": "stands", "began": "was built"},
    "tower": {"lies": "stands", "began": "was built", "by": "was built"},
    "trade": {"lies": "is practised", "began": "was first practised", "by": "was brought there"},
    "festival": {"lies": "is held", "began": "was first held"},
}

EVIDENCE = {
    "district": ["{n} {lies} in {v}.", "{n} is a place in {v}."],
    "village": ["{n} {lies} in {v}.", "{n} {lies} in the village of {v}."],
    "depth": ["{n} is {v} deep.", "{n} has a depth of {v}."],
    "length": ["{n} is {v} long.", "{n} has a length of {v}."],
    "height": ["{n} is {v} high.", "{n} has a height of {v}."],
    "colour": ["{n} is {v}.", "{n} has a {v} colour."],
    "month": ["{n} takes place in {v}.", "{n} falls in {v}."],
    "year": ["{n} {began} in {v}.", "{n} {began} in the year {v}."],
    "founder": ["{n} {by} by {v}.", "{n} {by} by a certain {v}."],
    "fame": ["{n} is known for {v}.", "{n} is famous for its {v}."],
}

CLAIMS = {
    "district": ["{n} {lies} in {v}.", "{n} can be found in {v}.", "{v} is where {n} {lies}."],
    "village": ["{n} {lies} in {v}.", "{v} is the village of {n}.", "{n} belongs to {v}."],
    "depth": ["{n} is {v} deep.", "The depth of {n} is {v}.", "{n} goes down {v}."],
    "length": ["{n} is {v} long.", "The length of {n} is {v}.", "{n} measures {v} from end to end."],
    "height": ["{n} is {v} high.", "The height of {n} is {v}.", "{n} rises to {v}."],
    "colour": ["{n} is {v}.", "The colour of {n} is {v}.", "{n} looks {v}."],
    "month": ["{n} takes place in {v}.", "The month of {n} is {v}.", "People meet for {n} in {v}."],
    "year": ["{n} {began} in {v}.", "{n} goes back to {v}.", "{n} dates from {v}."],
    "founder": ["{n} {by} by {v}.", "It was {v} to whom we owe {n}.", "{v} stands behind {n}."],
    "fame": ["{n} is known for {v}.", "{v} made {n} known.", "{n} has a name for {v}."],
}

HELD_CLAIMS = {
    "district": "Whoever wants to see {n} must go to {v}.",
    "village": "One has to visit {v} for {n}.",
    "depth": "From top to bottom, {n} measures {v}.",
    "length": "One walks {v} to cross {n}.",
    "height": "The top of {n} is at {v}.",
    "colour": "Those who see {n} see something {v}.",
    "month": "{v} is the month of {n}.",
    "year": "The story of {n} began in {v}.",
    "founder": "Without {v} there would be no {n}.",
    "fame": "{v} are what people link with {n}.",
}

TOPICS = {
    "district": "the district",
    "village": "the village",
    "depth": "the depth",
    "length": "the length",
    "height": "the height",
    "colour": "the colour",
    "month": "the month",
    "year": "the year",
    "founder": "the founder",
    "fame": "what it is known for",
}

FIRST_THOUGHTS = [
    "I look up {n} and check {t}.",
    "The claim is about {n}. I check {t}.",
    "I need the entry for {n} to check {t}.",
    "First I search for {n}; the point is {t}.",
]
SUPPORT_THOUGHTS = [
    "The entry says {v}, and so does the claim.",
    "The source gives {v}, just as the claim does.",
    "Both say {v}, so the claim holds.",
]
REFUTE_THOUGHTS = [
    "The entry says {v}, but the claim says {w}.",
    "The source gives {v} and not {w}.",
    "I read {v}, which is not {w}.",
]
MISSING_THOUGHTS = [
    "The entry does not tell {t}.",
    "Nothing is said about {t}.",
    "The source is silent on {t}, so it cannot be decided.",
]
NEXT_THOUGHTS = ["It {lies} in {v}. I look up {v} next.", "That is in {v}, so I need the entry for {v}."]
OTHER_THOUGHTS = ["Now the same for {v}.", "Next I look up {v}."]

CHAIN_CLAIMS = ["{n} {lies} in {v}.", "{n} can be found in {v}.", "{v} is where {n} {lies}."]
AGE_CLAIMS = ["{n} is older than {m}.", "{n} began before {m}.", "{n} has a longer history than {m}."]
HELD_AGE_CLAIM = "When {n} began, {m} was not there yet."


def upper(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def lower_trade(name: str) -> str:
    """Return the name as it stands inside a sentence: trades begin with a small letter there."""
    return name.lower() if WORLD.get(name, {}).get("sort") == "trade" else name


def fill(pattern: str, name: str, value: str, sort: str, **more: str) -> str:
    """Return a sentence about an entity."""
    return upper(pattern.format(n=lower_trade(name), v=value, **VERBS[sort], **more))


def entry(rng: random.Random, name: str, attributes: list[str]) -> str:
    """Return a source entry that tells the given facts; later sentences say 'it'."""
    thing = WORLD[name]
    told = [
        fill(rng.choice(EVIDENCE[attribute]), "it" if place else name, thing["facts"][attribute], thing["sort"])
        for place, attribute in enumerate(attributes)
    ]
    return " ".join(told)


def wrong(rng: random.Random, attribute: str, value: str) -> str:
    """Return another value of an attribute."""
    pool = KNOWN_VILLAGES if attribute == "village" else POOLS[attribute]
    return rng.choice([other for other in pool if other != value])


def written(steps: list[tuple[str, str, str]], thought: str, label: str) -> str:
    """Return the trace: (thought, entity, observation) steps and the last thought with the verdict."""
    lines = []
    for first, name, seen in steps:
        lines += [f"Thought: {first}", f"Action: Search[{name}]", f"Observation: {seen}"]
    return "\n".join([*lines, f"Thought: {thought}", f"Action: Finish[{label}]"])


def verdict_thought(rng: random.Random, label: str, topic: str, value: str, claimed: str) -> str:
    """Return the last thought of a trace."""
    pool = {"SUPPORTS": SUPPORT_THOUGHTS, "REFUTES": REFUTE_THOUGHTS, "NOT ENOUGH INFO": MISSING_THOUGHTS}[label]
    return upper(rng.choice(pool).format(t=topic, v=value, w=claimed))


def plain_row(rng: random.Random, pool: list[str], label: str, held_pattern: bool) -> dict:
    """Return a row that one entry settles (or leaves open)."""
    name = rng.choice(pool)
    sort, facts = WORLD[name]["sort"], WORLD[name]["facts"]
    attribute = rng.choice(list(facts))
    others = [other for other in facts if other != attribute]
    if label == "NOT ENOUGH INFO":
        told = rng.sample(others, rng.randint(1, 3))
    else:
        told = [attribute, *rng.sample(others, rng.randint(0, 2))]
        rng.shuffle(told)
    is_true = label == "SUPPORTS" or (label == "NOT ENOUGH INFO" and rng.random() < 0.5)
    claimed = facts[attribute] if is_true else wrong(rng, attribute, facts[attribute])
    pattern = HELD_CLAIMS[attribute] if held_pattern else rng.choice(CLAIMS[attribute])
    source = entry(rng, name, told)
    topic = TOPICS[attribute]
    first = rng.choice(FIRST_THOUGHTS).format(n=lower_trade(name), t=topic)
    last = verdict_thought(rng, label, topic, facts[attribute], claimed)
    trace = written([(upper(first), name, source)], last, label)
    return {"claim": fill(pattern, name, claimed, sort), "evidence": source, "trace": trace, "label": label}


def chain_row(rng: random.Random, pool: list[str], label: str, held_pattern: bool) -> dict:
    """Return a row that needs two entries: where a thing stands, and where that village lies."""
    name = rng.choice([name for name in pool if "village" in WORLD[name]["facts"]])
    sort, village = WORLD[name]["sort"], WORLD[name]["facts"]["village"]
    district = WORLD[village]["facts"]["district"]
    others = ["year", "founder", "fame"]
    extra = rng.choice([attribute for attribute in WORLD[name]["facts"] if attribute != "village"])
    first_entry = entry(rng, name, rng.choice([["village"], [extra, "village"], ["village", extra]]))
    second = [rng.choice(others)] if label == "NOT ENOUGH INFO" else ["district"]
    second_entry = entry(rng, village, second)
    is_true = label == "SUPPORTS" or (label == "NOT ENOUGH INFO" and rng.random() < 0.5)
    claimed = district if is_true else wrong(rng, "district", district)
    pattern = HELD_CLAIMS["district"] if held_pattern else rng.choice(CHAIN_CLAIMS)
    topic = TOPICS["district"]
    first = upper(rng.choice(FIRST_THOUGHTS).format(n=lower_trade(name), t=topic))
    then = fill(rng.choice(NEXT_THOUGHTS), "it", village, sort)
    last = verdict_thought(rng, label, topic, district, claimed)
    trace = written([(first, name, first_entry), (then, village, second_entry)], last, label)
    claim = fill(pattern, name, claimed, sort)
    return {"claim": claim, "evidence": f"{first_entry} {second_entry}", "trace": trace, "label": label}


def age_row(rng: random.Random, pool: list[str], label: str, held_pattern: bool) -> dict:
    """Return a row that needs two entries: which of two things is older."""
    aged = [name for name in pool if "year" in WORLD[name]["facts"]]
    while True:
        one, two = rng.sample(aged, 2)
        years = [int(WORLD[name]["facts"]["year"]) for name in (one, two)]
        if label == "NOT ENOUGH INFO" or (years[0] != years[1] and (years[0] < years[1]) == (label == "SUPPORTS")):
            break
    missing = rng.choice([one, two]) if label == "NOT ENOUGH INFO" else ""
    entries = []
    for name in (one, two):
        other = rng.choice([attribute for attribute in WORLD[name]["facts"] if attribute != "year"])
        entries.append(entry(rng, name, [other] if name == missing else ["year"]))
    pattern = HELD_AGE_CLAIM if held_pattern else rng.choice(AGE_CLAIMS)
    claim = upper(pattern.format(n=lower_trade(one), m=lower_trade(two)))
    first = upper(rng.choice(FIRST_THOUGHTS).format(n=lower_trade(one), t="the year"))
    then = rng.choice(OTHER_THOUGHTS).format(v=lower_trade(two))
    if missing:
        last = f"The year of {lower_trade(missing)} is not given."
    else:
        last = f"{years[0]} is {'before' if years[0] < years[1] else 'after'} {years[1]}."
    trace = written([(first, one, entries[0]), (then, two, entries[1])], last, label)
    return {"claim": claim, "evidence": " ".join(entries), "trace": trace, "label": label}


def rows() -> dict[str, list[dict]]:
    """Return both splits. Validation has held-out entities, held-out claim patterns or both."""
    rng = random.Random(SEED + 1)
    known = [name for name, thing in WORLD.items() if not thing["held"]]
    held = [name for name, thing in WORLD.items() if thing["held"]]
    plan = {
        "train": (TRAIN_ROWS, [(known, False)]),
        "validation": (VALIDATION_ROWS, [(held, False), (known, True), (held, True)]),
    }
    claims: set[str] = set()
    sources: set[str] = set()
    splits: dict[str, list[dict]] = {}
    for split, (wanted, ways) in plan.items():
        splits[split] = []
        while len(splits[split]) < wanted:
            label = LABELS[len(splits[split]) % len(LABELS)]
            maker = rng.choice([plain_row, plain_row, plain_row, chain_row, age_row])
            pool, held_pattern = rng.choice(ways)
            found = maker(rng, pool, label, held_pattern)
            seen_before = split == "validation" and found["evidence"] in sources
            if found["claim"] not in claims and not seen_before:
                claims.add(found["claim"])
                splits[split].append(found)
        rng.shuffle(splits[split])
        sources = {found["evidence"] for found in splits[split]}
    return splits


# ---------------------------------------------------------------------------------------------------------------
# Practice texts for the tiny model: entries in other words, with questions; half of them about further things
# whose names are made up on the spot. The held-out things do not occur.
# ---------------------------------------------------------------------------------------------------------------

SYLLABLES = [
    "bar",
    "den",
    "fol",
    "gri",
    "hal",
    "jun",
    "kor",
    "lem",
    "mor",
    "nas",
    "pin",
    "rud",
    "sil",
    "tor",
    "vun",
    "wes",
    "zan",
    "ock",
    "ell",
    "ith",
]
NAME_FORMS = {
    "lake": "Lake {s}",
    "village": "{s}",
    "bridge": "{s} Bridge",
    "tower": "{s} Tower",
    "trade": "{s}-making",
    "festival": "{s} Day",
}

ENTRY_FORMS = {
    "district": ["in {v} one comes upon {n}", "{n} is one of the sights of {v}"],
    "village": ["you will see {n} if you come to {v}", "{v} has {n}"],
    "depth": ["divers measured {v} at {n}", "{n}: {v} to the ground"],
    "length": ["walkers on {n} count {v}", "{n}: {v} from bank to bank"],
    "height": ["with {v}, {n} tops the roofs", "{n}: {v} from foot to tip"],
    "colour": ["{v} is how {n} appears", "visitors call {n} {v}"],
    "month": ["each {v} brings {n}", "{v} is when they hold {n}"],
    "year": ["{v} saw the start of {n}", "old papers put {n} at {v}"],
    "founder": ["{v} began {n}", "{v}'s name is tied to {n}"],
    "fame": ["{v} come to mind with {n}", "people praise {n} for {v}"],
}
ASKED = {
    "district": "Which district has {n}?",
    "village": "Which village has {n}?",
    "depth": "How deep is {n}?",
    "length": "How long is {n}?",
    "height": "How tall is {n}?",
    "colour": "What colour has {n}?",
    "month": "When in the year is {n}?",
    "year": "How old is {n}, that is, since when?",
    "founder": "Who began {n}?",
    "fame": "What does one praise about {n}?",
}
DOUBTS = ["Is {v} right for {n}?", "Somebody told me {v} about {n}. Is it so?", "{n}: {v}, yes or no?"]
YES = ["Yes, {v} is what I read there.", "That is so: {v}."]
NO = ["No, I read {v} there, not {w}.", "It is not {w} but {v}."]
SILENT = ["I cannot find {t} there.", "It leaves out {t}.", "There is no word on {t}."]


def practice(rng: random.Random) -> str | list[dict]:
    """Return one practice text: an entry, or a chat of questions about one or two entries."""
    sort = rng.choice(list(ATTRIBUTES))
    things = [practice_thing(rng, sort), practice_thing(rng, rng.choice(list(ATTRIBUTES)))]
    if rng.random() < 0.25:
        return " ".join(practice_entry(rng, name, facts, list(facts)) for name, facts in things)
    things = things[: rng.choice([1, 1, 2])]
    told = {name: rng.sample(list(facts), rng.randint(1, 3)) for name, facts in things}
    source = " ".join(practice_entry(rng, name, facts, told[name]) for name, facts in things)
    chat = [{"role": "user", "content": ""}]
    for _ in range(rng.randint(1, 3)):
        name, facts = rng.choice(things)
        asked, answer = practice_question(rng, name, facts, told[name])
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    form = rng.choice(["{s}\n{q}", "{q}\n\n{s}", "From the handbook: {s}\n\n{q}"])
    first = {"role": "user", "content": form.format(s=source, q=chat[1]["content"])}
    return [first, *chat[2:]]


def practice_thing(rng: random.Random, sort: str) -> tuple[str, dict]:
    """Return the name and facts of a known thing or of one made up on the spot."""
    if rng.random() < 0.4:
        name = rng.choice(names(sort)[:-HELD_OUT_OF_EACH])
        return lower_trade(name), WORLD[name]["facts"]
    stem = "".join(rng.sample(SYLLABLES, rng.choice([2, 2, 3]))).capitalize()
    facts = {a: rng.choice(KNOWN_VILLAGES if a == "village" else POOLS[a]) for a in ATTRIBUTES[sort]}
    return NAME_FORMS[sort].format(s=stem), facts


def practice_entry(rng: random.Random, name: str, facts: dict, told: list[str]) -> str:
    """Return an entry in the practice wording."""
    return " ".join(upper(rng.choice(ENTRY_FORMS[a]).format(n=name, v=facts[a])) + "." for a in told)


def practice_question(rng: random.Random, name: str, facts: dict, told: list[str]) -> tuple[str, str]:
    """Return a question about an entry and its answer."""
    attribute = rng.choice(list(facts))
    silent = rng.choice(SILENT).format(t=TOPICS[attribute])
    if rng.random() < 0.4:
        return ASKED[attribute].format(n=name), upper(facts[attribute]) + "." if attribute in told else silent
    other = wrong(rng, attribute, facts[attribute])
    claimed = rng.choice([facts[attribute], other])
    asked = upper(rng.choice(DOUBTS).format(n=name, v=claimed))
    if attribute not in told:
        return asked, silent
    answer = rng.choice(YES if claimed == facts[attribute] else NO)
    return asked, upper(answer.format(v=facts[attribute], w=claimed))
