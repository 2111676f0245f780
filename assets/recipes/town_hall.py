"""Writes the town-hall set: 113 invented statements from town meetings, labelled by stance and tone."""

import random

SEED = 1871

# ---------------------------------------------------------------------------------------------------------------
# The statements. Every one is written for this set; the measures and the town are invented.
# ---------------------------------------------------------------------------------------------------------------

HEATEDLY_IN_FAVOUR = [
    "How many more children have to be pulled out from under a lorry before this room wakes up? "
    "Paint the wretched bus lane on Mill Street tonight, I will hold the brush myself!",
    "Eleven years we have begged for a night market, and eleven years you have hidden behind your noise tables. "
    "Enough! Open the square and let people live for once!",
    "I am sick of hearing about the view. The turbines would pay for the roof of your grandchildren's school, and "
    "you sit there mourning a skyline that is already full of your own satellite dishes!",
    "Close the Elm Road branch, close it now! There were three of us in it on Tuesday and one was asleep, and "
    "meanwhile the main library has buckets under the ceiling. What on earth are we protecting?",
    "Oh yes, by all means let us wait for a fourth study. The fee for parking was the only sane idea this council "
    "has had in a decade, and naturally you want to strangle it in the cradle!",
    "Merge the two schools and be done with it! My daughter shares a maths teacher with a village nine miles away "
    "while you lot quarrel over which crest goes on the jumpers. Shame on you.",
    "Nobody asked whether the old swimming hall made a profit when your sons learned to swim there! Now that our "
    "children need it rebuilt you count pennies? Build it, for heaven's sake!",
    "Against the tree order, are you? You cut down every lime on Quay Street for a row of bins, and you dare call "
    "the protection order excessive? It is not half strict enough!",
    "Let them shout. I buried a neighbour who could not breathe in January, and I will not hear one more word "
    "about cosy fireplaces. The smoke rule must pass, and it must pass this evening!",
]

CALMLY_IN_FAVOUR = [
    "My shop loses four parking bays under this plan, and I have thought about that. With a bus every eight "
    "minutes I still expect more feet through the door, so the lane has my vote.",
    "I drove the number six for thirty years. A separate lane saves about five minutes on the hill, and five "
    "minutes is what people need to catch the train.",
    "There will be some noise on Thursdays, nobody denies that. Still, a market that ends at eleven seems a fair "
    "price for a square that is not empty after six.",
    "We visited a town with turbines of the same height. You hear them if you listen for them; most of us had "
    "stopped listening by lunch, and the rent keeps their kindergarten free.",
    "I did not care for the wind park when it was first drawn. The new drawing keeps the ridge clear and pays for "
    "the road, and with those two changes I can support it.",
    "The Elm Road branch costs as much as all the evening hours of the main house together. If it closes, we can "
    "open on Sundays for everyone, which seems to me the better use of the money.",
    "A small fee would mean that the spaces turn over. I would pay it gladly if I could find one free place when "
    "I take my mother to the doctor.",
    "As head of the smaller school I might be expected to object. In truth we can no longer staff a science room, "
    "and together we could, so my colleagues and I would welcome the merger.",
    "The ferry timetable is not perfect. It does bring people back after the late shift, and on balance I would "
    "ask the council to adopt it as it stands.",
    "I have read the objections to the smoke rule with care. The grant covers most of the cost of a new stove, "
    "and the exemption for old chimneys is generous, so I see no reason to delay.",
    "Nobody enjoys a building site. Two summers of dust for a swimming hall that will serve us for forty years is "
    "something I think we can manage.",
    "Speaking for the anglers, we would lose the north bank in May and June. The birds need it in just those two "
    "months, and we are content to fish elsewhere until July.",
    "The tree order asks me to get a permit before I fell my own ash. I find that reasonable; a form takes ten "
    "minutes and a tree takes eighty years.",
    "If you ask me what has changed since last year, it is that the pilot worked. Sales on the street went up a "
    "little, the accidents went down, and I would make the twenty limit permanent.",
    "I would have liked a lower rent for the allotments. But the plots get water and a gate that locks, and my "
    "neighbours and I are happy to sign for that.",
    "The costs look high until one sets them beside the repairs we pay every winter. A new footbridge is cheaper "
    "over twenty years, as the table on page four shows.",
    "We on the youth council talked it over for two evenings. The skate ground belongs by the station, where it is "
    "lit and people pass by, and we hope that you will agree.",
    "I was asked to bring the view of the traders. Most of them expect to gain from the night market and none of "
    "them objects to cleaning up afterwards, so you can count on us.",
    "Yes, the shuttle will run half empty at first. Ours did too, when I worked for another district, and within "
    "a year it was full, so please give it that year.",
    "It is true that solar panels on the old granary will show from the church. They can be taken off again "
    "without a scratch, and that settles the matter for me.",
    "I shall keep this short, since others have said it well. The figures are sound, the neighbours were heard, "
    "and the bridge toll should go as proposed.",
    "My fields border the site on two sides. I was offered no money and want none; I simply think that the wind "
    "park is the right thing to build there.",
    "What persuades me is the clause on review. If the car-free Sunday does harm we end it in autumn, and if it "
    "does not, we have gained a quiet street.",
    "Our choir would lose its rehearsal room in the Elm Road building. We have found another, with a better piano, "
    "and we would not want to be the reason for keeping the branch.",
]

HEATEDLY_AGAINST = [
    "Wonderful, a lane for a bus that comes twice an hour. And the ambulance, I suppose, can queue behind the "
    "bakery van and admire your paintwork!",
    "You never came to see us, not one of you! You drew a line across my father's field on a map in a warm "
    "office, and now you call it a wind park!",
    "A night market under my bedroom window, how charming. Perhaps the honourable members would like to lend me "
    "theirs, out at the lake, where it is so nicely quiet?",
    "First the post office, then the clinic, now the library. Say it out loud, you want the old people of Elm "
    "Road to vanish so that you can sell the plot!",
    "Three coins an hour to visit my own wife in hospital. Who thought of that? Who sat down and honestly thought "
    "of that and went home pleased?",
    "You will put my six-year-old on a bus at half past six in the dark, and you have the nerve to call that "
    "better education? This merger is a disgrace!",
    "Oh, the consultants love it, do they? The consultants do not live behind the pumping station. Take your "
    "glossy folder and your hotel and leave the shore alone!",
    "I have heard that word progress all my life, and every time something of ours was torn down. Not the mill. "
    "You will not get the mill!",
    "Thank you for teaching me how to heat my own kitchen. My grandmother's stove was good enough for two wars, "
    "but it seems not for a man with a clipboard!",
    "Safe? You said the quarry road was safe! We are still waiting for the crash barrier you promised then, and "
    "now you want to send forty more trucks down it!",
    "So the mayor's cousin happens to own the only field that is suitable. What a coincidence! And we are all "
    "supposed to clap for the solar meadow like trained seals.",
    "They call it a trial. My street has had a trial of everything, and not one of them ever ended! Keep your "
    "bollards, keep your flower tubs, and let us drive home!",
    "Every year you find money for a fountain and none for the drains! My cellar has been full of water since "
    "March, and you show me a drawing of a dolphin?",
    "I would laugh if it were not so brazen. We collected two thousand names against the toll, and they were "
    "counted as, let me read it, some feedback!",
    "Twenty miles an hour! Why not have a man with a red flag walk in front? You are strangling this town and "
    "smiling while you do it.",
    "Tell the nurses, go on, they are sitting right there! Tell them to their faces that the night bus they ride "
    "home on is a luxury to be trimmed!",
    "Of course the allotments must go, they only feed people. What this town truly hungers for is a ninth car "
    "park. I could weep, and you should blush!",
    "Do not dare to thank us for our patience. There is none left. Ship the sludge somewhere else, or explain to "
    "my children why they cannot swim!",
    "A committee for dogs, a permit for dogs, a fine for dogs. My old spaniel has better manners than the lot of "
    "you, and he will go on walking where he pleases!",
]

CALMLY_AGAINST = [
    "I take the bus every day and would gain from the lane. Even so, the crossing by the school becomes wider and "
    "harder for small children, and for me that weighs more.",
    "The idea behind the bus lane is good. The street is simply forty centimetres too narrow for it, as the "
    "surveyor's own sketch shows, and so I would ask you to withdraw it.",
    "We have no quarrel with wind power; our roof is covered in panels. This ridge, however, is where the kites "
    "nest, and another site has been offered.",
    "Nobody at our table doubts the good intentions. But the lease binds the town for thirty years at a rent fixed "
    "today, and I would not sign such a paper for my own house.",
    "I enjoy a market as much as anyone. The square is also the only way to the fire station, and until somebody "
    "shows me a second way I shall vote no.",
    "The traders I spoke to already work six days. A seventh evening would mean hiring help they cannot pay, so "
    "the association advises against the plan.",
    "For those of us who do not drive, the main library is two changes and a steep hill. Closing the Elm Road "
    "branch saves less than the new carpet did.",
    "I would remind the meeting that the branch is where most forms are filled in, with help. That work will not "
    "disappear; it will move to the town hall, and cost more there.",
    "The parking fee is meant to bring shoppers. Ours come from the farms, they have no other way of coming, and "
    "a charge will send them on to the next town.",
    "Please consider the carers. They stop at six houses in a morning, and a fee at each stop is a pay cut, "
    "however small it looks in the table.",
    "I taught at both schools and am fond of both. Eight hundred pupils under one roof is too many for the "
    "building that we have, and I cannot recommend it.",
    "The sums assume that both buildings will be sold within a year. The last one stood empty for seven, so I "
    "would prefer to keep the schools apart.",
    "It is a handsome design, and I congratulate the architect. We should not build it, since the ground by the "
    "river has flooded three times in my memory.",
    "A rule that cannot be checked is not much of a rule. With one officer for the district, the smoke order "
    "will fall on whoever has an unfriendly neighbour.",
    "I thank the office for its honest answers. They confirm that the ferry would lose money from the first day, "
    "and the roads need that money first.",
    "If the aim is quieter streets, then the ring road is the place to begin. Closing Church Lane only moves the "
    "cars to Baker Row, where I live and where the pavement is narrower.",
    "My firm would probably win the contract for the hall, so you may believe me. It is too large for us, and a "
    "repair of the old one would do.",
    "The tree order is kindly meant. In practice people fell their trees the week before such an order begins, "
    "which is why I would leave things as they are.",
    "We looked at what happened in Harrowby after their toll. The lorries went through the villages instead, and "
    "nobody has found a way to bring them back.",
    "I can live with change. What I find difficult is that the plots have been tended for sixty years, and soil "
    "like that is not made again by moving a fence.",
    "There is much in the report that I agree with. Its last chapter does not follow from the others, and on the "
    "point at issue, the skate ground, I would decline.",
    "Speaking as a doctor, I see the point of the fluoride. Our water has enough of it by nature, according to "
    "the same laboratory, and adding more would be of no use.",
    "The hotel would bring forty posts, most of them for the summer. We already cannot fill the summer posts we "
    "have, so the promise does not persuade me.",
    "I have nothing against visitors. A cable car brings them up in the morning and down by three, and what they "
    "leave behind, in my experience, is mostly cups.",
    "It was said that the opponents are afraid of everything new. I helped to bring the fibre cable here; I merely "
    "think that a mast beside the kindergarten stands in the wrong spot.",
    "Let us be fair to the company, it answered every letter. The answer about the groundwater was that they do "
    "not know, and that is a reason to wait with the quarry.",
    "The Sunday closing suits those who are free on Sundays. The bakers, the nurses and I are not, and we would "
    "be grateful if the street stayed open.",
    "Ten years ago I voted for a very similar scheme. We paid for it twice, learned little, and I would not like "
    "to do so again.",
    "A second bridge would be pleasant to have. With the first one due for new bearings in spring, I doubt that "
    "this is the moment.",
    "Our club was promised changing rooms in return for its support. We would rather go without them than see the "
    "meadow drained, and the members voted so by a clear majority.",
    "I hesitate to disagree with the chair, whom I respect. But a fine for early bins punishes shift workers, and "
    "a note through the door has always been enough.",
    "You asked for figures, so here are two. The shuttle carried nine people a day, and each ride cost the town "
    "more than a taxi would have; I would let it end.",
]

NEUTRAL = [
    "The lane would be four hundred metres long and cost about as much as the new fire engine. The vote is on the "
    "ninth, and objections can be sent in until Friday.",
    "On the one hand the bus gets faster, on the other the bakery loses its loading bay. Both of these are real, "
    "and the council will have to say which counts for more.",
    "For those who came late, the question is whether the Elm Road branch closes in June, closes a year later, or "
    "stays. I will read out the costs of all three.",
    "The night market would run from May to September, on Thursdays, between six and eleven. Stalls are given out "
    "by lot, and the waste is collected the same night.",
    "We measured the noise at five houses. At two of them it would be above the limit, at three it would be below, "
    "and the report explains how that was done.",
    "I was sent by the parents' council, which is split down the middle. Half of us hope for more subjects, half "
    "fear the longer road, and I have been told to bring you both.",
    "The fee brings in some money and costs some custom. How much of each depends on the hours chosen, and the "
    "office has worked out a low case and a high one.",
    "The turbines are visible from the north of the town and hidden from the south. The lease money would be paid "
    "to the district, which passes on about a third.",
    "Under the present rule a permit is needed above thirty centimetres, under the new one above twenty. The fine "
    "remains the same, and so does the office that you apply to.",
    "In favour it was said that the hall is worn out, and against it that the loan is long. I only keep the "
    "minutes, and wish to be sure that I have noted it fairly.",
    "There have been forty letters, nineteen for the toll and twenty-one against. They are laid out on the table "
    "at the back, with the names covered, for anyone who cares to read them.",
    "The old stove may stay until it breaks, the grant is paid after the work, and the chimney sweep signs the "
    "form. That is all the order says on the subject.",
    "A merged school would have more teachers for each subject and fewer who know each child. I studied twelve "
    "such mergers, and they turned out well about as often as badly.",
    "If it passes, the ferry starts in April; if not, the landing stage is taken down. The contractor has asked us "
    "to decide by the end of the month either way.",
]

NOT_RELEVANT = [
    "Before we go on, somebody has left a green umbrella and a child's glove by the coat stand. I have put them "
    "on the piano so that nobody steps on them.",
    "Could the people at the back please speak into the microphone? Half of this row is hard of hearing, and the "
    "other half would like to follow as well.",
    "This is the worst coffee I have ever been served in a public building! Who buys it? I demand to know who "
    "buys it, because it is not a drink, it is an insult!",
    "I only wished to say how lovely it is to see old Marta here again after her operation. She taught half of us "
    "to read, and she looks splendid.",
    "Point of order, madam chair. We approved the minutes of the March meeting twice and those of the April one "
    "not at all, so I move that we put that right first.",
    "A grey van with its lights on is standing across the gate of the fire station. If it is yours, please go and "
    "move it, and then we can carry on.",
    "My cousin won the pumpkin prize again, for the fifth time in a row, I hear. There is something odd about "
    "those scales, if you ask me, but let us leave that for another evening.",
]

NOT_SURE = [
    "I came in firmly against the bus lane, and then the driver spoke, and now I honestly could not tell you. Ask "
    "me again when I have slept on it.",
    "Well, the wind park. My wife says one thing and my brother says another, and I have to live with both of "
    "them, so I would rather not be counted tonight.",
    "It could be a blessing for the town or it could be the end of it. I keep turning the thing over, and I get no "
    "further than that.",
    "You know what I think of all this. I have said it here many times before, and I shall not say it again; the "
    "gentlemen up there know perfectly well.",
    "Is the branch to close for good, or only for the repairs? If it is for good I might mind, though perhaps "
    "not, I would have to hear more about it first.",
    "Some mornings I want the market and in the evening I do not. Put me down as somebody who has yet to make up "
    "her mind, and please do not rush me.",
    "They did it in my sister's town as well, with the schools, I mean. And you should have seen the place a year "
    "later, that is all I am going to say.",
    "Everyone here seems so certain about the parking. I filled in the form, tore it up, filled in another, and "
    "it is still lying in my bag.",
]

STATEMENTS = {
    "heatedly in favour": HEATEDLY_IN_FAVOUR,
    "calmly in favour": CALMLY_IN_FAVOUR,
    "heatedly against": HEATEDLY_AGAINST,
    "calmly against": CALMLY_AGAINST,
    "neutral": NEUTRAL,
    "not relevant": NOT_RELEVANT,
    "not sure": NOT_SURE,
}


def rows() -> dict[str, list[dict]]:
    """Return the one split of the set, in a fixed mixed order."""
    found = [{"text": text, "label": label} for label, texts in STATEMENTS.items() for text in texts]
    random.Random(SEED).shuffle(found)
    return {"train": found}


# ---------------------------------------------------------------------------------------------------------------
# Practice texts for the tiny model: the same vocabulary and skill in other sentences.
# ---------------------------------------------------------------------------------------------------------------

# measure, two or more gains, two or more losses
MEASURES = [
    ("the bus lane", ["buses keep to their times", "workers reach the station sooner", "cars slow down near shops"],
     ["delivery vans lose their stopping place", "the street grows too tight", "traffic moves to side roads"]),
    ("the wind park", ["the district earns rent", "power comes from close by", "farmers keep their land in use"],
     ["birds lose a resting place", "the hills look different", "the blades hum at night"]),
    ("the library closure", ["money is left for longer hours in the centre", "staff are no longer spread thin"],
     ["old readers have a long way to go", "pupils lose a quiet room", "a meeting place goes"]),
    ("the parking fee", ["spaces become free sooner", "fewer cars circle the centre", "the budget is helped"],
     ["visitors stay away", "families pay more", "carers have to pay at each stop"]),
    ("the night market", ["the centre stays lively", "small cooks find customers", "young people have a place to go"],
     ["neighbours cannot sleep", "rubbish is left behind", "the square is blocked"]),
    ("the school merger", ["more subjects can be taught", "teachers can share rooms", "classes get new books"],
     ["children ride far in the morning", "classes grow large", "the village loses its school"]),
    ("the swimming hall", ["every child learns to swim", "the club gets a home", "old people can exercise"],
     ["the loan lasts for decades", "the running costs are high", "the ground is wet"]),
    ("the tree order", ["shade stays in the streets", "old trunks are kept", "birds have nests"],
     ["owners need a form for everything", "roots lift the pavement", "gardens turn dark"]),
    ("the bridge toll", ["repairs get paid", "heavy trucks choose the highway", "those who cross it pay for it"],
     ["drivers look for back roads", "trade with the other side suffers", "commuters pay daily"]),
    ("the ferry line", ["both shores are linked again", "late workers get home", "tourists leave the car behind"],
     ["few people will use it", "the landing stage needs repair", "diesel smells on the water"]),
    ("the smoke rule", ["winter air gets cleaner", "sick people breathe more easily", "new stoves save wood"],
     ["poor households need a new stove", "nobody can check it", "the sweep has no time"]),
    ("the cycle street", ["riders are safer", "children can ride to class", "the road gets calmer"],
     ["shops fear for their guests", "trucks have no way in", "signs confuse people"]),
    ("the solar field", ["bills go down", "sheep can graze below", "the roof of the hall is spared"],
     ["good soil is lost", "the glass glares", "the fence cuts the path"]),
    ("the dog rule", ["the playground stays clean", "lambs are safe in spring", "walkers feel at ease"],
     ["good owners are punished too", "there is no field left for dogs", "fines hit pensioners"]),
    ("the new mast", ["calls no longer break off", "the ambulance is reached at once", "farms get a fast line"],
     ["it stands too near the nursery", "it is ugly", "another hill would do"]),
    ("the skate ground", ["teenagers get a corner of their own", "the station feels less empty"],
     ["wheels rattle until late", "the lawn disappears", "nobody will sweep it"]),
]  # fmt: skip

SPEAKERS = [
    ("a baker", "she"), ("a retired driver", "he"), ("a nurse", "she"), ("a farmer", "he"), ("a young mother", "she"),
    ("the head of a club", "he"), ("a shopkeeper", "she"), ("an engineer", "he"), ("a pupil", "she"),
    ("the chimney sweep", "he"), ("a gardener", "she"), ("a fisherman", "he"), ("the choir leader", "she"),
]  # fmt: skip

ASIDES = [
    "the broken heating", "the order of the agenda", "a lost key", "the stale biscuits", "the loud fan",
    "a birthday in the second row", "the missing chairs", "a cat that walked in", "the slow clock on the wall",
]  # fmt: skip

TOWNS = ["Ellerford", "Brackwater", "Sandholt", "Mirefield", "Old Tarn", "Highmoor", "Pellwick", "Greyhaven"]

# what is said (measure {m}, reason {r}, other reason {q}) for each way of speaking
SAYINGS = {
    "angry for": [
        "We want {m}, and we want it now! {R}, so stop stalling!",
        "Are you deaf up there? {R}! Vote for {m} or go home!",
        "It makes my blood boil that {m} was put off again! {R}, any fool can see it.",
        "You cowards, you have had years! With {m}, {r}. Get on with it!",
    ],
    "calm for": [
        "I am for {m}. As I see it, {r}, and {q}.",
        "To my mind {m} is worth having, because {r}.",
        "There may be small troubles with {m}, yet {r}, so I shall say yes.",
        "We looked at {m} for a month and came to like it: {r}.",
    ],
    "angry against": [
        "Hands off! With {m}, {r}, and you could not care less!",
        "What a farce! You know that {r}, and still you push {m} at us!",
        "Bravo, what a splendid plan. {R}, but who minds, as long as somebody gets {m} and a ribbon to cut!",
        "I have had it with you people! {R}! Throw {m} in the bin!",
    ],
    "calm against": [
        "I would rather not have {m}, since {r}.",
        "{M} is a nice thought, but {r}, and therefore I say no.",
        "With respect, {r}; that is why I cannot follow the plan for {m}.",
        "I see what is hoped for from {m}. Still, {r} and {q}, so my answer is no.",
    ],
    "both sides": [
        "Some tell us that {r}, some tell us that {q}. I merely report it.",
        "About {m} I can say this much: the plan is ready, and the papers lie in the office for two weeks.",
        "{M} has a good side, for {r}, and a bad side, for {q}. You will have to weigh them.",
    ],
    "elsewhere": [
        "May I say a word about {a}? It has bothered us all evening.",
        "Sorry to break in, this is about {a} and will take a minute.",
        "First of all we should do something about {a}.",
    ],
    "undecided": [
        "I go back and forth on {m}. It may be that {r}, it may be that {q}; I cannot say.",
        "Do not ask me about {m}. I really have no view so far.",
        "{M}? Hard to tell. Today yes, tomorrow no.",
    ],
}

# how a reader describes each of these
READINGS = {
    "angry for": [
        "The speaker is furious at the delay and wants {m} at once.",
        "This is somebody who wants {m} and shouts for it.",
        "An angry voice, but one that stands behind {m}.",
    ],
    "calm for": [
        "The speaker plainly wants {m} and says so without raising a voice.",
        "A quiet yes to {m}, with a reason given.",
        "The speaker supports {m} and stays composed.",
    ],
    "angry against": [
        "The speaker rages against {m} and blames the council.",
        "This is an outburst from somebody who wants {m} stopped.",
        "Full of scorn: the speaker cannot stand {m}.",
    ],
    "calm against": [
        "The speaker turns {m} down politely and gives a reason.",
        "A quiet no to {m}.",
        "The speaker opposes {m} and stays composed.",
    ],
    "both sides": [
        "The speaker takes no side on {m} and only informs the others.",
        "Both sides of {m} are laid out and neither is chosen.",
    ],
    "elsewhere": [
        "The speaker is not talking about {m} at all, but about {a}.",
        "This has nothing to do with {m}; it is about {a}.",
    ],
    "undecided": [
        "The speaker has not made up a mind about {m}.",
        "One cannot tell what the speaker wants; there is doubt about {m}.",
    ],
}

QUESTIONS = [
    "What does the speaker think of {m}?",
    "How does this person feel about {m}, and in what tone?",
    "Is the speaker for {m} or opposed to it?",
    "Describe where the speaker stands on {m}.",
    "What do we learn about the speaker's view of {m}?",
]

# headings for the long prompts: name, how it is explained, things that belong there
HEADINGS = [
    ("weather", "rain, sun, frost and wind", ["a storm came in from the west", "fog lay over the valley"]),
    ("cooking", "meals, ovens and recipes", ["the soup needs an hour on the stove", "she salted the dough"]),
    ("travel", "trips, trains and luggage", ["the train to the coast was late", "they packed two trunks"]),
    ("music", "songs, choirs and instruments", ["the flute player lost her notes", "the band tuned up"]),
    ("animals", "beasts, birds and fish", ["a fox crossed the yard", "the mare had a foal"]),
    ("money", "prices, wages and debts", ["he paid back the loan", "the rent rose again"]),
    ("health", "illness, doctors and rest", ["her cough got better", "the dentist was kind"]),
    ("sport", "games, races and teams", ["the rowers won by a length", "our goalkeeper slipped"]),
    ("school", "lessons, teachers and tests", ["the pupils wrote a test", "the teacher drew a triangle"]),
    ("garden", "beds, seeds and hedges", ["the roses want cutting", "he sowed peas in March"]),
    ("tools", "hammers, saws and nails", ["the saw has grown blunt", "hand me the small hammer"]),
    ("boats", "ships, sails and harbours", ["the anchor would not hold", "a ferry left the pier"]),
    ("clothes", "coats, hats and cloth", ["his coat lacks a button", "she knitted a scarf"]),
    ("letters", "mail, stamps and parcels", ["the parcel came open", "no letter arrived today"]),
    ("law", "rules, judges and contracts", ["the judge read the contract", "they broke the lease"]),
    ("building", "walls, roofs and bricks", ["the roof leaks by the chimney", "they laid bricks all day"]),
    ("praise", "words that honour somebody or something", ["what a fine piece of work", "well done, all of you"]),
    ("complaint", "words that find fault", ["the service was dreadful", "this is far too slow"]),
    ("request", "asking somebody to do something", ["please shut the door", "could you carry this"]),
    ("thanks", "being grateful for something", ["I am grateful for the lift", "thank you for waiting"]),
    ("promise", "saying what one will surely do", ["I will bring it tomorrow", "we shall pay you back"]),
    ("warning", "saying that there is danger ahead", ["mind the wet step", "do not touch the wire"]),
]

HEADING_FORMS = [
    "Use this for {what}. It covers plain remarks such as '{one}'. It does not cover a line that only mentions "
    "{other} in passing. When a text speaks of {name} and of {rival} alike, take the one that most of it is about.",
    "Everything about {what} goes here, whether it is told, asked or joked about. An example would be '{one}'. "
    "If the text is rather about {other}, look further down the list, and do not choose this entry.",
    "Here we put {what}. Be strict: a single word is not enough, the whole text has to turn on it. A line like "
    "'{one}' counts. A line about {other} does not count, even when the tone is similar.",
    "Stands for {what}. Typical: '{one}'. Choose it when you are fairly certain; between this and {rival}, ask "
    "yourself what the writer wanted to tell us.",
]

TERMS = [
    ("agenda", "the list of things a meeting will deal with, in their order"),
    ("quorum", "the smallest number of members who must be present before a vote counts"),
    ("motion", "a proposal that is put to a vote"),
    ("minutes", "the written record of what was said and decided"),
    ("petition", "a written wish that many people have signed"),
    ("levy", "money that everyone in a district has to pay for one purpose"),
    ("lease", "a paper that lets somebody use land or a house for rent"),
    ("permit", "leave from an office to do a thing that is otherwise not allowed"),
    ("ward", "a part of a town that elects its own member"),
    ("ballot", "a vote in which nobody sees how the others choose"),
    ("amendment", "a change to the wording of a proposal"),
    ("budget", "the plan of what will be earned and spent in a year"),
    ("veto", "the right of one person to stop a decision"),
    ("deputy", "somebody who stands in for another"),
    ("bylaw", "a rule that holds in one town only"),
    ("tender", "an offer by a firm to do some work for a price"),
    ("stance", "the side that somebody takes in a dispute"),
    ("tone", "the way in which something is said, for example warm, cold, angry or measured"),
    ("sarcasm", "saying the opposite of what one means in order to hurt or mock"),
    ("blame", "saying that somebody is at fault"),
    ("remark", "a short thing that is said"),
    ("dispute", "a quarrel in which each side gives reasons"),
    ("survey", "the same questions asked of many people"),
    ("grant", "money given for a purpose that need not be paid back"),
]

TERM_NOTES = [
    "You will meet the word in {where}. New members often mix it up with {other}, which is something else.",
    "It is used in {where}, mostly in writing. Compare the entry for {other}.",
    "People in {where} have used it for a long time. It is not the same as {other}.",
    "In {where} one hears it often; when in doubt, ask the clerk, who will also explain {other}.",
]

WHERE = ["letters from the office", "old records", "the hall", "the rules of the clubs", "speeches", "the local paper"]

RULES = [
    ("dogs", "Dogs are kept on a lead in the park from April to August"),
    ("bins", "Bins are put out after seven in the evening"),
    ("bicycles", "Bicycles are not left against the railings"),
    ("fires", "Fires in gardens are allowed on Saturdays only"),
    ("boats", "Boats are moored on the south side of the pier"),
    ("noise", "Loud tools are switched off between noon and two"),
    ("stalls", "Stalls are cleared away an hour after closing"),
    ("keys", "Keys are handed back to the porter by ten"),
    ("books", "Books are lent for four weeks and may be kept for two more"),
    ("water", "Hoses are not used while the river is low"),
    ("snow", "Snow is swept from the pavement before eight"),
    ("hedges", "Hedges are trimmed to the height of a man"),
    ("wood", "Wood is stacked at least a metre from the wall"),
    ("guests", "Guests sign their names at the door"),
    ("posters", "Posters hang for a month and are then taken down"),
    ("sheep", "Sheep are counted at the gate every evening"),
]

RULE_NOTES = [
    "Whoever forgets this gets a friendly note first and pays a small sum the second time. The warden may make an "
    "exception for {who} if there is a good reason, and writes it in the book.",
    "This was decided after a long talk with {who}, and it will be looked at again next year. It does not hold on "
    "the day of the summer fair, when other times apply.",
    "The rule is for the sake of {who}. Questions about it go to the clerk, whose door stands open on Mondays and "
    "Wednesdays until noon.",
]

WHO = ["the neighbours", "old people", "families with small children", "shift workers", "visitors", "the farmers"]


def practice(rng: random.Random) -> str | list[dict]:
    """Return one practice text: a report, a short chat or a page-long prompt with its answer."""
    makers = [report, report, view_chat, view_chat, view_chat, views_page, headings_page, terms_page, rules_page]
    return rng.choice(makers)(rng)


def saying(rng: random.Random, manner: str, measure: tuple, aside: str) -> str:
    """Return what somebody says about a measure in one manner."""
    name, gains, losses = measure
    if manner in ("both sides", "undecided"):
        reason, other = rng.choice(gains), rng.choice(losses)
    else:
        reason, other = rng.sample(gains if manner.endswith(" for") else losses, 2)
    words = {"m": name, "M": upper(name), "r": reason, "R": upper(reason), "q": other, "a": aside}
    return rng.choice(SAYINGS[manner]).format(**words)


def upper(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def view_chat(rng: random.Random) -> list[dict]:
    """Return a chat in which a statement is described in a sentence."""
    manner, measure, aside = rng.choice(list(SAYINGS)), rng.choice(MEASURES), rng.choice(ASIDES)
    said = saying(rng, manner, measure, aside)
    asked = rng.choice(QUESTIONS).format(m=measure[0])
    form = rng.choice(['{q} "{s}"', "{s}\n\n{q}", "Someone says: {s}\n{q}"])
    reading = rng.choice(READINGS[manner]).format(m=measure[0], a=aside)
    return turns(form.format(q=asked, s=said), reading)


def turns(user: str, assistant: str, system: str = "") -> list[dict]:
    """Return a chat of one question and one answer."""
    start = [{"role": "system", "content": system}] if system else []
    return [*start, {"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


def report(rng: random.Random) -> str:
    """Return a short report of an evening on one measure."""
    measure = rng.choice(MEASURES)
    lines = [
        rng.choice(
            [
                f"In {rng.choice(TOWNS)} the hall was full on account of {measure[0]}.",
                f"{upper(measure[0])} was the talk of the evening in {rng.choice(TOWNS)}.",
                f"The people of {rng.choice(TOWNS)} met to discuss {measure[0]}.",
            ]
        )
    ]
    for who, pronoun in rng.sample(SPEAKERS, rng.randint(2, 4)):
        manner, aside = rng.choice(list(SAYINGS)), rng.choice(ASIDES)
        verb = rng.choice(["cried", "burst out"]) if manner.startswith("angry") else rng.choice(["said", "told us"])
        reading = rng.choice(READINGS[manner]).format(m=measure[0], a=aside)
        reading = reading.replace("The speaker", upper(pronoun), 1) if reading.startswith("The speaker") else reading
        lines.append(f'{upper(who)} {verb}: "{saying(rng, manner, measure, aside)}" {reading}')
    return " ".join(lines)


def views_page(rng: random.Random) -> list[dict]:
    """Return a long prompt that explains how to read speakers, and one statement described."""
    measure, aside = rng.choice(MEASURES), rng.choice(ASIDES)
    parts = [f"You read what people said about {measure[0]}. Describe each one in a sentence. Some examples follow."]
    for manner in rng.sample(list(SAYINGS), len(SAYINGS)):
        for _ in range(rng.randint(1, 2)):
            other, its_aside = rng.choice(MEASURES), rng.choice(ASIDES)
            reading = rng.choice(READINGS[manner]).format(m=other[0], a=its_aside)
            parts.append(f'One person said: "{saying(rng, manner, other, its_aside)}" {reading}')
    manner = rng.choice(list(SAYINGS))
    reading = rng.choice(READINGS[manner]).format(m=measure[0], a=aside)
    return turns(saying(rng, manner, measure, aside), reading, "\n".join(parts))


def headings_page(rng: random.Random) -> list[dict]:
    """Return a long prompt with headings and their meaning, and a text put under one of them."""
    chosen = rng.sample(HEADINGS, rng.randint(6, 16))
    names = [name for name, _, _ in chosen]
    parts = [
        rng.choice(
            [
                "Put the text under one of these headings: {n}.",
                "Choose the heading that fits best. The headings are {n}.",
                "Below you find headings with their meaning. Name one of {n}.",
            ]
        ).format(n=", ".join(names))
    ]
    for name, what, things in chosen:
        rival, other = rng.sample([entry for entry in HEADINGS if entry[0] != name], 2)
        form = rng.choice(HEADING_FORMS)
        parts.append(f"- {name}: " + form.format(what=what, name=name, one=things[0], rival=rival[0], other=other[1]))
    name, _, things = rng.choice(chosen)
    text = upper(things[-1]) + "."
    asked = rng.choice(["Text: {t}\nHeading:", "{t}\nWhich heading fits?", "Where does this belong? {t}"])
    return turns(asked.format(t=text), name, "\n".join(parts))


def terms_page(rng: random.Random) -> list[dict]:
    """Return a glossary of a page and one question about it."""
    chosen = rng.sample(TERMS, rng.randint(8, 20))
    parts = [rng.choice(["A small glossary for new members.", "These words are used in our meetings.", "Glossary."])]
    for name, meaning in chosen:
        other = rng.choice([term for term, _ in TERMS if term != name])
        note = rng.choice(TERM_NOTES).format(where=rng.choice(WHERE), other=other)
        parts.append(f"{upper(name)}: {meaning}. {note}")
    name, meaning = rng.choice(chosen)
    if rng.random() < 0.5:
        return turns(f"What does the glossary say about the word {name}?", f"It is {meaning}.", "\n".join(parts))
    return turns(f"Which word stands for {meaning}?", upper(name), "\n".join(parts))


def rules_page(rng: random.Random) -> list[dict]:
    """Return numbered rules of a page and one question about them."""
    chosen = rng.sample(RULES, rng.randint(7, 14))
    parts = [f"House rules of {rng.choice(TOWNS)}."]
    for number, (_, rule) in enumerate(chosen, start=1):
        parts.append(f"Rule {number}. {rule}. {rng.choice(RULE_NOTES).format(who=rng.choice(WHO))}")
    number = rng.randrange(len(chosen))
    topic, rule = chosen[number]
    if rng.random() < 0.5:
        return turns(f"Which rule is about {topic}?", f"Rule {number + 1}", "\n".join(parts))
    return turns(f"What do the rules say about {topic}?", f"{rule}.", "\n".join(parts))
