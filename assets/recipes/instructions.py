"""Writes the instructions set: short invented instructions whose answers are computed or composed by this script."""

import random

SEED = 2203
TRAIN_ROWS = 1200
VALIDATION_ROWS = 150

# ---------------------------------------------------------------------------------------------------------------
# Words. Every list has three parts: for training, held out for validation, and for practice texts only.
# ---------------------------------------------------------------------------------------------------------------

KINDS_OF_THINGS = {
    "train": {
        "animals": "dog cat horse rabbit goat fox owl mouse",
        "fruits": "apple pear plum cherry lemon banana grape",
        "colours": "red blue green yellow brown white black",
        "tools": "hammer saw drill spade axe rake",
        "vehicles": "car bus train bicycle tram truck",
        "vegetables": "carrot onion potato cabbage leek pea",
        "pieces of furniture": "table chair bed shelf desk bench",
        "musical instruments": "piano violin flute drum harp trumpet",
        "drinks": "water tea coffee milk juice cocoa",
        "clothes": "shirt coat scarf sock hat glove",
        "parts of the body": "hand foot knee elbow nose shoulder",
        "jobs": "baker nurse teacher farmer tailor plumber",
        "rooms of a house": "kitchen bedroom bathroom cellar attic hall",
        "days of the week": "Monday Tuesday Wednesday Friday Saturday Sunday",
    },
    "held": {
        "birds": "robin sparrow eagle crow swan",
        "flowers": "rose tulip daisy lily violet",
        "seasons": "spring summer autumn winter",
        "metals": "iron gold silver copper tin",
    },
    "practice": {
        "trees": "oak birch pine willow maple elm",
        "insects": "ant bee wasp fly beetle moth",
        "fish": "trout eel pike herring carp",
        "shapes": "circle square triangle star cube",
        "spices": "pepper salt ginger mint garlic",
        "games": "chess tag dominoes marbles cards",
        "months": "January March April June July October",
        "numbers": "one two three four five six seven",
        "buildings": "church school barn tower castle mill",
        "kinds of weather": "rain snow fog wind hail",
        "toys": "ball doll kite puzzle top",
        "farm animals": "cow pig sheep hen duck donkey",
    },
}

# a thing and what it is used for
USES = {
    "train": """knife: cutting food / broom: sweeping the floor / pen: writing / umbrella: keeping dry in the rain /
        key: opening a lock / oven: baking bread / needle: sewing cloth / lamp: giving light / bucket: carrying water /
        ladder: climbing up high / soap: washing hands / clock: telling the time / spoon: eating soup /
        comb: tidying hair / hammer: driving in nails / rope: tying things together / pillow: resting your head /
        candle: lighting a dark room / basket: carrying shopping / towel: drying yourself / map: finding the way /
        spade: digging holes / kettle: boiling water / mirror: seeing your own face / whistle: making a loud signal /
        saw: cutting wood / stamp: sending a letter / tent: sleeping outdoors / bell: calling people /
        ruler: measuring lengths""",
    "held": """scissors: cutting paper / blanket: keeping warm in bed / fork: picking up food / axe: chopping logs /
        pan: frying eggs / net: catching fish / brush: putting paint on a wall / scale: weighing things""",
    "practice": """thermometer: measuring heat / compass: showing where north is / glue: sticking things together /
        lid: covering a pot / rake: gathering leaves / anchor: holding a ship in place / bandage: covering a wound /
        eraser: rubbing out pencil / hook: hanging up a coat / jar: storing jam / mop: wiping the floor /
        oar: rowing a boat / pump: filling a tyre with air / razor: shaving / sieve: draining noodles /
        torch: seeing in the dark / trolley: moving heavy boxes / wallet: holding money / zip: closing a jacket /
        fence: keeping animals in / freezer: keeping food cold / hose: watering plants / iron: smoothing shirts /
        nail: fixing boards / plug: closing a drain / saddle: riding a horse / stove: cooking meals /
        string: wrapping a parcel / tray: bringing cups / wheel: rolling along""",
}

# what is compared: larger thing, smaller thing, word for the first, word for the second
COMPARISONS = {
    "train": """horse cat larger smaller / lake puddle larger smaller / truck bicycle heavier lighter /
        stone feather heavier lighter / train tram faster slower / rabbit snail faster slower /
        fire ice hotter colder / soup juice hotter colder / mountain hill higher lower / tower house taller shorter /
        village farm larger smaller / street path wider narrower / river brook wider narrower /
        grandmother child older younger / drum flute louder quieter / lemon banana sourer sweeter /
        brick pillow harder softer / year week longer shorter / rope thread thicker thinner /
        bed chair larger smaller / lamp candle brighter dimmer / town village larger smaller""",
    "held": """elephant mouse larger smaller / anvil cork heavier lighter / plane bus faster slower /
        church hut taller shorter / trumpet harp louder quieter / month day longer shorter""",
    "practice": """whale herring larger smaller / cow hen larger smaller / sack leaf heavier lighter /
        cart kite heavier lighter / hare turtle faster slower / rocket boat faster slower / oven fridge hotter colder /
        summer winter warmer cooler / oak bush taller shorter / giant dwarf taller shorter / sea pond deeper shallower /
        road lane wider narrower / grandfather boy older younger / thunder whisper louder quieter /
        lantern spark brighter dimmer / hour minute longer shorter / log twig thicker thinner /
        steel wool harder softer / honey vinegar sweeter sourer / city hamlet larger smaller""",
}

OPPOSITES = {
    "train": """hot cold / big small / old new / fast slow / high low / open closed / early late / full empty /
        light dark / wet dry / hard soft / loud quiet / clean dirty / rich poor / long short / happy sad /
        easy difficult / thick thin / left right / strong weak / up down / day night""",
    "held": "near far / heavy light / sweet sour / young old / wide narrow / true false / first last",
    "practice": """warm cool / brave cowardly / sharp blunt / deep shallow / smooth rough / cheap expensive /
        friend enemy / win lose / push pull / begin end / give take / buy sell / above below / inside outside /
        asleep awake / before after / calm angry / bright dim / polite rude / always never / north south /
        question answer""",
}

# present, past
VERBS = {
    "train": """moves moved / paints painted / opens opened / cleans cleaned / finds found / buys bought / sees saw /
        drops dropped / washes washed / carries carried / sells sold / brings brought / loses lost / hides hid""",
    "held": "pulls pulled / takes took / paints painted / holds held",
    "practice": """pushes pushed / kicks kicked / counts counted / breaks broke / makes made / draws drew /
        steals stole / mends mended / throws threw / lifts lifted / wants wanted / needs needed / gives gave /
        keeps kept / catches caught / builds built""",
}

WHO = {
    "train": ["boy", "girl", "farmer", "teacher", "baker", "dog", "driver", "nurse"],
    "held": ["painter", "clerk", "sailor", "aunt"],
    "practice": [
        "king",
        "queen",
        "uncle",
        "cook",
        "miller",
        "thief",
        "cousin",
        "guard",
        "knight",
        "pupil",
        "witch",
        "singer",
    ],
}

OBJECTS = {
    "train": ["door", "box", "letter", "lamp", "basket", "chair", "coat", "wall", "ball", "book", "window", "cup"],
    "held": ["ladder", "parcel", "bottle", "gate"],
    "practice": [
        "wagon",
        "crown",
        "drum",
        "candle",
        "sword",
        "pot",
        "fence",
        "ring",
        "stone",
        "bag",
        "net",
        "boat",
        "tooth",
        "cheese",
    ],
}

PLACES = {
    "train": ["in the garden", "at home", "in the kitchen", "near the river", "behind the house", "at school"],
    "held": ["in the harbour", "on the hill", "near the old mill"],
    "practice": ["in the forest", "by the well", "under the bridge", "on the roof", "at the market", "in the castle"],
}

PLURALS = {
    "train": """cat cats / box boxes / child children / leaf leaves / baby babies / foot feet / man men / bus buses /
        city cities / knife knives / tooth teeth / key keys / glass glasses / story stories / dish dishes /
        woman women / wolf wolves / day days / tomato tomatoes / house houses / fox foxes / lady ladies""",
    "held": "mouse mice / half halves / church churches / berry berries / boy boys / goose geese / shelf shelves",
    "practice": """tree trees / wife wives / army armies / bench benches / potato potatoes / ox oxen / loaf loaves /
        fly flies / toy toys / brush brushes / class classes / horse horses / thief thieves / party parties /
        witch witches / egg eggs / tax taxes / hero heroes / calf calves / road roads / penny pennies""",
}

# loose words for lists that are reordered or counted
LOOSE = {
    "train": """apple river stone yellow garden window bread music sugar morning pencil silver winter butter forest
        letter island button carpet dinner engine flower ginger hammer jacket kitten lantern mirror needle orange
        paper queen ribbon salt tiger uncle valley water yard zebra cloud dust echo farm""",
    "held": """anchor bottle candle desert eagle feather glove harbour ink jungle kettle ladder magnet nest oven
        pepper quilt rocket saddle thunder""",
    "practice": """acorn barrel castle dragon ember fiddle goblin hazel icicle jewel knot lemon marble night onion
        pebble quarry raven shadow turnip umbrella velvet willow xylophone yarn zipper blanket cradle drum elbow fence
        grass honey inn juice king lamb moss nut olive pocket reed snail thorn urn vest well""",
}

# a request as an order, without please
ORDERS = {
    "train": """close the door / give me the salt / turn off the radio / wait outside / bring two chairs / help me /
        move your car / speak up / send the bill today / wash the cups / sit down / carry this box / read the letter /
        open the window / show me the way / call me tomorrow / stop singing / hold the ladder / lend me a pen /
        feed the cat / pay in cash / be quiet / come back later / sign here""",
    "held": "pass the butter / lock the gate / take off your boots / write it down / lower your voice / fetch the keys",
    "practice": """fill the jug / light the fire / pick up the toys / peel the onions / sweep the yard / turn left /
        walk faster / drive slowly / keep the change / taste the soup / try again / put the vase down / leave the room /
        answer my question / stand in line / let me pass / clean the board / ring the bell / fold the sheets /
        look at me / water the plants / share the cake / hang up your coat / finish your work""",
}

# a chore and its steps
CHORES = {
    "train": """make a cup of tea: boil water; put a tea bag in a cup; pour the water over it; take the bag out /
        wash the dishes: fill the sink with warm water; scrub the plates; rinse them; let them dry /
        plant a seed: make a small hole; drop the seed in; cover it with soil; water it /
        send a letter: write the letter; put it in an envelope; stick on a stamp; drop it in the box /
        boil an egg: fill a pot with water; bring it to the boil; put the egg in; wait six minutes /
        make a sandwich: take two slices of bread; spread butter on them; add cheese; press them together /
        clean a window: wet a cloth; wipe the glass; dry it with paper /
        brush your teeth: put paste on the brush; brush for two minutes; rinse your mouth /
        make the bed: shake the pillow; pull the sheet tight; lay the blanket on top /
        wash a shirt: put it in the machine; add soap; start the machine; hang it up /
        light a candle: set it on a plate; strike a match; hold it to the wick; blow out the match /
        pack a suitcase: choose your clothes; fold them; lay them in; close the lid""",
    "held": """sweep the floor: move the chairs; sweep the dirt together; pick it up with a pan /
        feed a dog: take the bowl; fill it with food; set it on the floor /
        paint a fence: brush off the dirt; stir the paint; paint each board; let it dry /
        bake potatoes: wash the potatoes; prick them with a fork; put them in the oven; wait an hour""",
    "practice": """cook rice: rinse the rice; add two cups of water; cook it gently; stir once /
        polish shoes: brush away the mud; rub in the polish; shine with a rag /
        fix a flat tyre: take off the wheel; find the hole; glue on a patch; pump it up /
        wrap a present: cut the paper; fold it round the box; tape the ends; tie a bow /
        water the garden: unroll the hose; turn on the tap; sprinkle every bed /
        set the table: spread the cloth; lay out plates; add knives and forks; fill the glasses /
        dry herbs: cut the stems; tie a bunch; hang it in the shade /
        build a fire: gather dry twigs; stack them loosely; add a log; strike a spark /
        iron a skirt: heat the iron; lay the skirt flat; press it smoothly /
        change a bulb: switch off the power; unscrew the old bulb; screw in another one /
        groom a pony: tie it up; brush its back; comb the mane; check the hooves /
        bake a cake: mix flour, eggs and sugar; fill a tin; bake until golden""",
}


NO_ARTICLE = {"scissors", "glue", "soap", "string", "steel", "wool", "thunder", "honey", "vinegar", "ice", "juice"}


def pairs(text: str) -> list[list[str]]:
    """Return the entries of a slash-separated list, each split at blanks."""
    return [entry.split() for entry in text.split("/")]


def notes(text: str) -> list[tuple[str, str]]:
    """Return the entries 'a: b' of a slash-separated list."""
    entries = [" ".join(entry.split()).split(": ", 1) for entry in text.split("/")]
    return [(name, rest) for name, rest in entries]


def flat(text: str) -> list[str]:
    """Return the entries of a slash-separated list as plain texts."""
    return [" ".join(entry.split()) for entry in text.split("/")]


def article(word: str) -> str:
    """Return the word with 'a' or 'an', or alone where it takes neither."""
    if word in NO_ARTICLE:
        return word
    return ("an " if word[0] in "aeiou" else "a ") + word


def upper(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def listed(words: list[str]) -> str:
    """Return the words as one would say them: a, b and c."""
    return ", ".join(words[:-1]) + " and " + words[-1]


# ---------------------------------------------------------------------------------------------------------------
# Phrasings. Of each kind: for training, held out for validation, and for practice texts only. {x} is what the
# instruction is about; a phrasing without {x} gets it as the input.
# ---------------------------------------------------------------------------------------------------------------

PHRASINGS = {
    "reverse": {
        "train": [
            "Reverse the order of the words.",
            "Write these words from last to first.",
            "Put the words in reverse order.",
            "Turn the list around so that the last word comes first.",
            "Reverse the order of these words: {x}",
        ],
        "held": ["Give the words back in the opposite order.", "List these words backwards, word by word: {x}"],
        "practice": ["Say it from the end to the start: {x}", "Now the same words, last one first."],
    },
    "sort": {
        "train": [
            "Put the words in alphabetical order.",
            "Sort these words from A to Z.",
            "Sort the words alphabetically.",
            "Arrange the list by the alphabet.",
            "Sort these words by the alphabet: {x}",
        ],
        "held": ["Order the words as a dictionary would.", "Bring these words into alphabetical order: {x}"],
        "practice": ["Which order do they have in the alphabet? {x}", "Alphabet order, please."],
    },
    "count": {
        "train": [
            "How many words are there?",
            "Count the words.",
            "Tell me the number of words.",
            "How many words does the line have?",
            "Count the words in this line: {x}",
        ],
        "held": ["What is the number of words here?", "How many words do you count in: {x}"],
        "practice": ["Say how many words I wrote: {x}", "Number of words?"],
    },
    "longest": {
        "train": [
            "Which word is the longest?",
            "Find the longest word.",
            "Pick the word with the most letters.",
            "Name the longest of these words.",
            "Which of these words is the longest: {x}",
        ],
        "held": ["Tell me which word has the greatest number of letters.", "Choose the longest word out of: {x}"],
        "practice": ["One word has more letters than the rest. Which? {x}", "The longest one, please."],
    },
    "first": {
        "train": ["What is the first word?", "Repeat only the first word.", "Give me the word at the beginning."],
        "held": ["Which word comes first?"],
        "practice": ["Say just the word at the start.", "With which word does it begin? {x}"],
    },
    "name": {
        "train": [
            "Name three {x}.",
            "List three different {x}.",
            "Give me three examples of {x}.",
            "Tell me three {x}.",
        ],
        "held": ["Think of three {x}.", "Write down three {x}."],
        "practice": ["I need three {x}.", "Which three {x} do you know?", "Three {x}, please."],
    },
    "contain": {
        "train": [
            'Write a sentence with the word "{x}".',
            "Write a short sentence that contains the word {x}.",
            'Use the word "{x}" in a sentence.',
            "Make a sentence with the given word.",
        ],
        "held": ['Form a sentence in which "{x}" occurs.', "Put this word into a sentence."],
        "practice": ["Say something about: {x}", "Tell me a line in which {x} appears."],
    },
    "question": {
        "train": [
            "Turn the statement into a question.",
            "Make this a question.",
            "Rewrite the sentence as a question.",
        ],
        "held": ["Ask this as a question."],
        "practice": ["How would you ask that?", "Question, please: {x}"],
    },
    "past": {
        "train": [
            "Put the sentence in the past tense.",
            "Rewrite this in the past tense.",
            "Change the sentence so that it happened yesterday.",
        ],
        "held": ["Say it in the past tense."],
        "practice": ["It is over now. Tell it so.", "Past form, please: {x}"],
    },
    "plural": {
        "train": [
            "What is the plural of {x}?",
            'Write the plural of "{x}".',
            "Give the plural.",
            'Make the word "{x}" plural.',
        ],
        "held": ["Which form of {x} stands for more than one?", "Write the plural form."],
        "practice": ["One {x}, two ...?", "There are many of them, not one {x}. How do you say that?"],
    },
    "polite": {
        "train": [
            "Rewrite this politely.",
            "Make this request polite.",
            "Say this in a friendlier way.",
            "Turn the order into a polite request.",
        ],
        "held": ["Ask for this in a polite manner."],
        "practice": ["That sounds rude. Try again: {x}", "More kindly, please."],
    },
    "sum": {
        "train": ["What is {x}?", "Work out {x}.", "How much is {x}?", "Calculate.", "Find the result of {x}."],
        "held": ["Tell me the result of {x}.", "Solve this sum."],
        "practice": ["{x} makes what?", "Do the sum: {x}"],
    },
    "pattern": {
        "train": [
            "Which number comes next: {x}",
            "Continue the pattern with one more number.",
            "What is the next number? {x}",
            "Complete the pattern: {x}",
        ],
        "held": ["Add the number that follows.", "How does this row go on? {x}"],
        "practice": ["Go on by one step: {x}", "One more, please: {x}"],
    },
    "use": {
        "train": [
            "What is {x} used for?",
            "Say what {x} is used for.",
            "What do people do with {x}?",
            "What is the use of {x}?",
            "Tell me what {x} is good for.",
        ],
        "held": ["Explain what {x} is for.", "For what does one need {x}?"],
        "practice": ["Why would I buy {x}?", "I have {x}. What now?"],
    },
    "compare": {
        "train": [
            "Compare {x}.",
            "How do {x} differ?",
            "Say how {x} are different.",
            "Compare {x} in one sentence.",
        ],
        "held": ["Tell me the difference between {x}.", "What sets {x} apart?"],
        "practice": ["Look at {x}. What do you notice?", "Put {x} side by side."],
    },
    "opposite": {
        "train": [
            'What is the opposite of "{x}"?',
            "Give the opposite of {x}.",
            "Write the opposite of the word.",
            "Name the opposite of {x}.",
        ],
        "held": ["Which word means the contrary of {x}?", "Tell me the opposite."],
        "practice": ["Not {x}, but ...?", "The other way round from {x} is what?"],
    },
    "steps": {
        "train": [
            "List the steps to {x}.",
            "How do you {x}?",
            "Tell me step by step how to {x}.",
            "What do I have to do to {x}?",
            "Explain how to {x}.",
            "Describe in steps how to {x}.",
        ],
        "held": ["Write down the steps needed to {x}.", "In which steps does one {x}?"],
        "practice": ["Teach me to {x}.", "I want to {x}. How?"],
    },
}


# ---------------------------------------------------------------------------------------------------------------
# What each kind asks about, and the answer. Each function takes the generator and the part of the word lists and
# returns what goes in for {x} and the output.
# ---------------------------------------------------------------------------------------------------------------


def make_reverse(rng: random.Random, part: str) -> tuple[str, str]:
    """Words, and the same in reverse order."""
    words = rng.sample(LOOSE[part].split(), rng.randint(3, 5))
    return " ".join(words), " ".join(reversed(words))


def make_sort(rng: random.Random, part: str) -> tuple[str, str]:
    """Words, and the same sorted; no two begin alike."""
    by_letter = {word[0]: word for word in rng.sample(LOOSE[part].split(), 9)}
    words = rng.sample(list(by_letter.values()), rng.randint(3, 4))
    return " ".join(words), " ".join(sorted(words))


def make_count(rng: random.Random, part: str) -> tuple[str, str]:
    """Words, and their number."""
    words = rng.sample(LOOSE[part].split(), rng.randint(2, 8))
    return " ".join(words), str(len(words))


def make_longest(rng: random.Random, part: str) -> tuple[str, str]:
    """Words, and the longest of them, which is the only one of its length."""
    while True:
        words = rng.sample(LOOSE[part].split(), rng.randint(3, 5))
        longest = max(words, key=len)
        if sum(len(word) == len(longest) for word in words) == 1:
            return " ".join(words), longest


def make_first(rng: random.Random, part: str) -> tuple[str, str]:
    """Words, and the first of them."""
    words = rng.sample(LOOSE[part].split(), rng.randint(3, 6))
    return " ".join(words), words[0]


def make_name(rng: random.Random, part: str) -> tuple[str, str]:
    """A kind of thing, and three of it."""
    kind, words = rng.choice(list(KINDS_OF_THINGS[part].items()))
    return kind, ", ".join(rng.sample(words.split(), 3))


def sentence(rng: random.Random, part: str) -> tuple[str, str, str, str, str]:
    """Return the parts of a plain sentence: who, verb, past form, object, place."""
    verb, past = rng.choice(pairs(VERBS[part]))
    return rng.choice(WHO[part]), verb, past, rng.choice(OBJECTS[part]), rng.choice(PLACES[part])


def base(verb: str) -> str:
    """Return the plain form of a verb in the third person."""
    known = {"washes": "wash", "carries": "carry", "loses": "lose", "pushes": "push", "catches": "catch"}
    return known.get(verb, verb[:-1])


def make_contain(rng: random.Random, part: str) -> tuple[str, str]:
    """A word, and a sentence that contains it."""
    who, verb, past, thing, place = sentence(rng, part)
    word = rng.choice([who, thing])
    return word, f"The {who} {rng.choice([verb, past])} the {thing} {place}."


def make_question(rng: random.Random, part: str) -> tuple[str, str]:
    """A statement, and the question."""
    who, verb, _, thing, place = sentence(rng, part)
    if rng.random() < 0.4:
        return f"The {thing} is {place}.", f"Is the {thing} {place}?"
    return f"The {who} {verb} the {thing}.", f"Does the {who} {base(verb)} the {thing}?"


def make_past(rng: random.Random, part: str) -> tuple[str, str]:
    """A sentence in the present, and the same in the past."""
    who, verb, past, thing, place = sentence(rng, part)
    ending = f" {place}" if rng.random() < 0.3 else ""
    return f"The {who} {verb} the {thing}{ending}.", f"The {who} {past} the {thing}{ending}."


def make_plural(rng: random.Random, part: str) -> tuple[str, str]:
    """A word, and its plural."""
    one, many = rng.choice(pairs(PLURALS[part]))
    return one, many


def make_polite(rng: random.Random, part: str) -> tuple[str, str]:
    """An order, and a polite request."""
    order = rng.choice(flat(ORDERS[part]))
    return upper(order) + rng.choice("!."), f"Could you please {order}?"


def make_sum(rng: random.Random, part: str) -> tuple[str, str]:
    """A small sum, and its result; the parts differ in the sums that they draw."""
    while True:
        sign = rng.choice("+-")
        first, second = rng.randint(1, 20), rng.randint(1, 12)
        group = {5: "held", 6: "practice"}.get((first + 2 * second) % 7, "train")
        if group == part and (sign == "+" or first >= second):
            return f"{first} {sign} {second}", str(first + second if sign == "+" else first - second)


def make_pattern(rng: random.Random, part: str) -> tuple[str, str]:
    """A row of numbers with one step, and the next number."""
    step = {"train": [1, 2, 3, 5, 10], "held": [2, 5, 10], "practice": [1, 2, 4, 10]}[part]
    start, by = rng.randint(1, 20) * 2 - (part == "train"), rng.choice(step)
    if part == "held":
        start += 50
    numbers = [start + by * place for place in range(5)]
    return ", ".join(map(str, numbers[:4])), str(numbers[4])


def make_use(rng: random.Random, part: str) -> tuple[str, str]:
    """A thing, and what it is used for."""
    thing, use = rng.choice(notes(USES[part]))
    verb = "are" if thing == "scissors" else "is"
    return article(thing), f"{upper(article(thing))} {verb} used for {use}."


def make_compare(rng: random.Random, part: str) -> tuple[str, str]:
    """Two things, and how they compare."""
    one, other, more, less = rng.choice(pairs(COMPARISONS[part]))
    if rng.random() < 0.5:
        one, other, more = other, one, less
    named = sorted([one, other], key=lambda _: rng.random())
    return f"{article(named[0])} and {article(named[1])}", f"{upper(article(one))} is {more} than {article(other)}."


def make_opposite(rng: random.Random, part: str) -> tuple[str, str]:
    """A word, and its opposite."""
    one, other = rng.choice(pairs(OPPOSITES[part]))
    if rng.random() < 0.5 and "light" not in (one, other) and "old" not in (one, other):
        one, other = other, one
    return one, other


def make_steps(rng: random.Random, part: str) -> tuple[str, str]:
    """A chore, and its steps with numbers."""
    chore, steps = rng.choice(notes(CHORES[part]))
    return chore, " ".join(f"{n}. {upper(step)}." for n, step in enumerate(steps.split("; "), start=1))


MAKERS = {
    "reverse": make_reverse,
    "sort": make_sort,
    "count": make_count,
    "longest": make_longest,
    "first": make_first,
    "name": make_name,
    "contain": make_contain,
    "question": make_question,
    "past": make_past,
    "plural": make_plural,
    "polite": make_polite,
    "sum": make_sum,
    "pattern": make_pattern,
    "use": make_use,
    "compare": make_compare,
    "opposite": make_opposite,
    "steps": make_steps,
}

# kinds whose possible rows are few; they get fewer rows
WEIGHTS = {"plural": 1, "opposite": 1, "steps": 1, "use": 2, "compare": 2, "first": 1}


def row(rng: random.Random, kind: str, phrasing_part: str, word_part: str) -> dict:
    """Return one row of a kind."""
    about, output = MAKERS[kind](rng, word_part)
    phrasing = rng.choice(PHRASINGS[kind][phrasing_part])
    if "{x}" in phrasing:
        return {"instruction": phrasing.format(x=about), "input": "", "output": output}
    return {"instruction": phrasing, "input": about, "output": output}


def key(found: dict) -> tuple[str, str]:
    """Return what makes a row the same as another: its instruction and input."""
    return found["instruction"], found["input"]


def rows() -> dict[str, list[dict]]:
    """Return both splits. Validation has held-out words, held-out phrasings or both, and no row of training."""
    rng = random.Random(SEED)
    kinds = [kind for kind in MAKERS for _ in range(WEIGHTS.get(kind, 3))]
    plan = {
        "validation": (VALIDATION_ROWS, [("held", "held"), ("held", "train"), ("train", "held")]),
        "train": (TRAIN_ROWS, [("train", "train")]),
    }
    seen: set[tuple[str, str]] = set()
    splits: dict[str, list[dict]] = {}
    for split, (wanted, parts) in plan.items():
        splits[split] = []
        while len(splits[split]) < wanted:
            found = row(rng, rng.choice(kinds), *rng.choice(parts))
            if key(found) not in seen:
                seen.add(key(found))
                splits[split].append(found)
    return {"train": splits["train"], "validation": splits["validation"]}


# ---------------------------------------------------------------------------------------------------------------
# Practice texts for the tiny model: the same skills with other words and other ways to ask.
# ---------------------------------------------------------------------------------------------------------------

SYSTEMS = ["", "", "You help with small tasks.", "Do as you are asked.", "Keep it short.", "You are a patient helper."]


def practice(rng: random.Random) -> str | list[dict]:
    """Return one practice chat of one to three small tasks."""
    system = rng.choice(SYSTEMS)
    chat = [{"role": "system", "content": system}] if system else []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        found = row(rng, rng.choice(list(MAKERS)), "practice", "practice")
        asked = found["instruction"]
        if found["input"]:
            asked = rng.choice(["{a}\n{i}", "{i}\n{a}", "{a}\n\nInput: {i}"]).format(a=asked, i=found["input"])
        chat.append({"role": "user", "content": asked})
        chat.append({"role": "assistant", "content": found["output"]})
    return chat
