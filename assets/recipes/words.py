"""Holds the vocabulary of the sentiment set and of the tiny model's texts: things, opinion words, people, kinds."""


def listed(text: str) -> list[str]:
    """Return the entries of a comma-separated text."""
    return [" ".join(entry.split()) for entry in text.split(",")]


# Opinion words. 'known' ones may stand in training and validation rows, 'held' ones in validation rows only.
# The tiny model meets both sorts in its own texts, as any language model has met most words before fine-tuning.
ADJECTIVES = {
    ("positive", "known"): listed("""good, great, excellent, lovely, pleasant, superb, enjoyable, impressive, likeable,
        wonderful, amazing, delightful, brilliant, outstanding, terrific, agreeable, perfect, marvellous, beautiful,
        remarkable, first-rate, satisfying, worthwhile, cheerful, graceful, convincing, sensational, fine, thoughtful,
        exemplary"""),
    (
        "negative",
        "known",
    ): listed("""bad, awful, terrible, boring, unpleasant, poor, disappointing, dull, ugly, horrible,
        annoying, weak, mediocre, dreary, lousy, miserable, clumsy, shoddy, useless, tiresome, nasty, unbearable,
        second-rate, hopeless, sloppy, gloomy, irritating, worthless, careless, painful"""),
    (
        "positive",
        "held",
    ): listed("""splendid, charming, fantastic, magnificent, glorious, exquisite, admirable, heavenly,
        gorgeous, thrilling, captivating, adorable, fabulous, stunning, sublime, refreshing, uplifting, dazzling,
        inspiring, enchanting, faultless, rewarding, soothing, praiseworthy, top-notch"""),
    ("negative", "held"): listed("""dreadful, tedious, appalling, atrocious, ghastly, abysmal, pathetic, dismal, horrid,
        wretched, insufferable, lifeless, disgraceful, repulsive, revolting, grim, lamentable, frustrating, monotonous,
        bleak, rotten, botched, pitiful, vile, off-putting"""),
}

VERBS = {
    ("positive", "known"): listed("loved, enjoyed, liked, praised, applauded, appreciated, welcomed"),
    ("negative", "known"): listed("hated, disliked, regretted, criticised, resented, condemned, scorned"),
    ("positive", "held"): listed("adored, cherished, treasured, relished, admired, savoured"),
    ("negative", "held"): listed("loathed, detested, despised, cursed, deplored, abhorred"),
}

NOUNS = {
    ("positive", "known"): listed("a joy, a treat, a pleasure, a success, a gem, a hit"),
    ("negative", "known"): listed("a disaster, a mess, a bore, a failure, a pain, a disappointment"),
    ("positive", "held"): listed("a triumph, a delight, a marvel, a blessing, a masterpiece, a godsend"),
    ("negative", "held"): listed("a nightmare, a flop, a fiasco, an ordeal, a shambles, an insult"),
}

# What follows from an opinion. {I} is I, we, she or he; {my} and {me} go with it. At most six words each.
OUTCOMES = {
    ("positive", "known"): listed("""{I} would gladly come again, {I} told all {my} friends, {I} smiled all evening,
        {I} asked for more, {I} thanked everybody twice, {I} stayed until the end, {I} felt well looked after"""),
    ("negative", "known"): listed("""{I} will never come again, {I} warned all {my} friends, {I} frowned all evening,
        {I} asked for {my} money back, {I} complained to everybody twice, {I} left before the end,
        {I} felt badly treated"""),
    ("positive", "held"): listed("""{I} clapped until {my} hands hurt, {I} went home singing, it made {my} whole week,
        {I} could not stop smiling, {I} gave it five stars"""),
    ("negative", "held"): listed("""{I} kept looking at the clock, {I} went home sulking, it spoiled {my} whole week,
        {I} could not stop yawning, {I} gave it no star"""),
}

OPPOSITE = {"positive": "negative", "negative": "positive"}

# Everyday things by sort. A thing is what one may have an opinion about.
THINGS = {
    "food": listed("""soup, stew, lentil pie, salad, breakfast, apple cake, bread, curry, omelette, pancake, rice dish,
        picnic, cheese plate, pudding, noodle dish"""),
    "show": listed("""play, concert, puppet show, film, opera, circus, comedy, ballet, dance evening, quiz night, parade,
        magic show, documentary"""),
    "tool": listed("""drill, saw, kettle, lamp, umbrella, bicycle, toaster, tent, backpack, camera, vacuum cleaner,
        hammer, pen, alarm clock, sewing machine, ladder"""),
    "trip": listed("""walk, ferry ride, train ride, bus tour, hike, boat trip, weekend, drive, flight, city tour,
        holiday, bicycle tour"""),
    "place": listed("""room, cabin, library, garden, cafe, hotel, museum, park, market, swimming pool, station, beach,
        playground, waiting room, inn, campsite"""),
    "text": listed("""novel, essay, poem, story, speech, lecture, letter, report, article, diary, song, album, tune,
        course, lesson, sermon"""),
    "person": listed("""teacher, guide, barber, waiter, nurse, driver, plumber, cook, singer, trainer, dentist,
        landlord, caretaker, tailor, receptionist, speaker"""),
}
FROM = listed("""at the harbour, in the old town, from next door, near the bridge, of the village, by the lake, at the
    corner, from the new shop, behind the school, from the brochure, in our street, on the island""")
WHEN = listed("""last week, on Sunday, this morning, yesterday, on my birthday, in the spring, last night, in June,
    on Friday evening, this time, the other day, during the rain, last summer, before lunch, at the weekend""")
WHO = listed("""my sister, our neighbour, my uncle, the old baker, my best friend, her brother, the postman, a colleague,
    my mother, the man beside me, my cousin, the mayor, our grandfather, a stranger, the girl next door, my boss,
    the local paper, our aunt, the whole family, everyone in town""")
NAMES = listed("""Ada, Ben, Clara, Dora, Emil, Fay, Gus, Hanna, Ivo, Jana, Karl, Lena, Milo, Nora, Otto, Petra, Rosa,
    Sam, Tessa, Udo, Vera, Wim, Yara, Zoe, Anton, Bella, Cora, David, Elsa, Finn""")
GIRLS = set(
    listed("Ada, Clara, Dora, Fay, Hanna, Jana, Lena, Nora, Petra, Rosa, Tessa, Vera, Yara, Zoe, Bella, Cora, Elsa")
)

# Kinds of words, for questions with a label as the answer.
KINDS = {
    "fruit": (
        "something sweet that grows on a tree or a bush",
        listed("apple, pear, plum, cherry, grape, lemon, peach, melon, fig, orange"),
    ),
    "animal": (
        "a living being with legs, wings or fins",
        listed("horse, cow, fox, rabbit, mouse, bear, goat, wolf, sheep, cat"),
    ),
    "tool": ("a thing to work with", listed("hammer, saw, drill, spade, rake, axe, pliers, chisel, brush, file")),
    "clothing": ("a thing that one wears", listed("coat, hat, shirt, scarf, glove, sock, boot, dress, belt, jacket")),
    "furniture": (
        "a thing that stands in a room",
        listed("table, chair, bed, shelf, desk, sofa, stool, bench, cupboard, drawer"),
    ),
    "vehicle": ("a thing in which people travel", listed("car, bus, train, boat, tram, ship, lorry, van, plane, cart")),
    "instrument": (
        "a thing on which music is played",
        listed("piano, violin, flute, drum, guitar, harp, trumpet, cello, organ, banjo"),
    ),
    "weather": ("what the sky does", listed("rain, snow, wind, storm, fog, hail, thunder, frost, sunshine, drizzle")),
    "job": (
        "what somebody does for a living",
        listed("baker, nurse, farmer, teacher, miller, tailor, pilot, judge, plumber, clerk"),
    ),
    "drink": (
        "something that one drinks",
        listed("water, milk, tea, juice, coffee, cocoa, lemonade, cider, wine, beer"),
    ),
    "vegetable": (
        "a plant for the soup or the salad",
        listed("carrot, onion, leek, pea, bean, cabbage, turnip, potato, spinach, celery"),
    ),
    "building": (
        "a place with walls and a roof",
        listed("house, church, tower, school, barn, castle, mill, hotel, palace, hut"),
    ),
    "body part": ("a part of a person", listed("hand, foot, nose, ear, knee, elbow, neck, finger, shoulder, mouth")),
    "colour": (
        "what paint gives to a wall",
        listed("red, blue, green, yellow, brown, grey, black, white, pink, purple"),
    ),
}


def article(noun: str) -> str:
    """Return the noun with 'a' or 'an'."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def upper(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]
