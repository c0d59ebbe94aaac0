"""Short reviews of guest houses: which topics they are about (several or none), and how many stars were given.

A review is one to three remarks, each about one topic and with a mood from -2 (bad) to 2 (good), between remarks that are
about nothing in particular. Both sets read the same reviews: `topics` has the topics, `stars` a number. Dev and test take
nouns and phrasings that train does not have.
"""

import csv
import io
import json
import random

SEED = 20261129
ROWS = {"train": 1200, "dev": 300, "test": 300}

# A topic's subjects: those before the bar are for train, those after it for dev and test as well.
SUBJECTS = {
    "room": "the room|our bedroom|the attic room|the double room|the bed|the mattress||the suite|the bunk beds|the curtains",
    "food": "breakfast|the soup|dinner|the bread|the packed lunch|the coffee||the buffet|the omelette|the cake",
    "staff": "the landlady|the owner|the receptionist|the cook|the cleaner||the night porter|the young waiter|the host",
    "noise": "the street outside|the bar below|the lift|the neighbours|the building site||the church bell|the pipes",
    "price": "the price|the bill|the tourist tax|the deposit|the parking fee||the surcharge|what we paid|the tariff",
    "location": "the walk to the beach|the way to the station|the neighbourhood|the view|the old town||the bus stop|the trail",
    "bathroom": "the shower|the bathroom|the hot water|the towels|the sink||the bathtub|the water pressure|the bathroom tiles",
    "internet": "the wifi|the connection|the internet|the video call we tried||the router|streaming a film",
}

# What can be said of a topic, by mood.
MOODS = {
    "room": {
        2: "{s} was wonderful, we slept like stones|{s} was spotless and full of light||we fell in love with {s}",
        1: "{s} was comfortable|{s} was clean and tidy||{s} was nicer than in the pictures",
        -1: "{s} was rather worn|{s} was smaller than we thought||{s} had seen better days",
        -2: "{s} was filthy|{s} smelled of mould and we hardly slept||nobody should have to sleep in {s}",
    },
    "food": {
        2: "{s} was delicious|{s} alone is worth the journey||we still dream of {s}",
        1: "{s} was good|{s} was fresh and there was plenty||we liked {s}",
        -1: "{s} was lukewarm|{s} was nothing special||{s} tasted of very little",
        -2: "{s} was inedible|{s} made us ill||we sent {s} back twice",
    },
    "staff": {
        2: "{s} could not have been kinder|{s} went out of their way for us||{s} treated us like family",
        1: "{s} was friendly|{s} helped us with the luggage||{s} answered all our questions",
        -1: "{s} seemed to be in a hurry|{s} forgot us twice||{s} was hard to find",
        -2: "{s} was rude|{s} shouted at our children||{s} accused us of stealing",
    },
    "noise": {
        2: "not a sound from {s}, bliss||we never once heard {s}",
        1: "{s} was quiet at night|we hardly noticed {s}||{s} did not bother us",
        -1: "{s} woke us early|{s} could be heard through the window||a little too much of {s}",
        -2: "{s} kept us awake all night|{s} was unbearably loud||because of {s} we did not sleep at all",
    },
    "price": {
        2: "{s} was a gift|for what you get {s} is unbelievable||we could not believe how low {s} was",
        1: "{s} was fair|{s} was as announced||no complaints about {s}",
        -1: "{s} was a bit steep|{s} was higher than announced||{s} could have been lower",
        -2: "{s} was a swindle|{s} was outrageous||{s} was robbery",
    },
    "location": {
        2: "{s} was a dream|{s} is the best thing about it||we could not get enough of {s}",
        1: "{s} was short and easy|{s} was pleasant||{s} suited us well",
        -1: "{s} was longer than promised|{s} was dull||{s} was not what the map says",
        -2: "{s} felt dangerous after dark|{s} was hideous||we were afraid of {s}",
    },
    "bathroom": {
        2: "{s} was like in a spa|{s} was brand new and gleaming||best of all was {s}",
        1: "{s} worked well|{s} was clean||{s} was fine",
        -1: "{s} was slow to warm up|{s} was a bit tired||{s} could do with a repair",
        -2: "{s} was broken for three days|{s} was disgusting||{s} flooded the floor",
    },
    "internet": {
        2: "{s} was faster than at home||{s} never failed, not even in the garden",
        1: "{s} worked|{s} was good enough for mail||{s} was all right",
        -1: "{s} was slow in the evening|{s} needed three passwords||{s} came and went",
        -2: "{s} did not work at all|{s} was dead the whole week||forget about {s}",
    },
}

# Remarks that are about none of the topics.
REMARKS = (
    "we stayed for four nights|it was our second visit|we came with two children|this was for a wedding|we booked in spring"
    "|our train was late|I travel a lot for work"
    "||we were on a cycling tour|it rained most of the week|my brother had recommended it|we came by ferry"
)


def halves(text: str) -> tuple[list[str], list[str]]:
    known, _, new = text.partition("||")
    return known.split("|"), known.split("|") + [one for one in new.split("|") if one]


def review(new: bool, rng: random.Random) -> tuple[str, list[str], float]:
    pick = 1 if new else 0
    topics = rng.sample(list(SUBJECTS), rng.choices([0, 1, 2, 3], [8, 40, 34, 18])[0])
    # Some topics come together more often than chance has it.
    if "room" in topics and "bathroom" not in topics and rng.random() < 0.35:
        topics.append("bathroom")
    base = rng.choices([-2, -1, 1, 2], [2, 3, 5, 4])[0]
    parts, moods = [], []
    for topic in topics:
        mood = base if rng.random() < 0.6 else rng.choice([-2, -1, 1, 2])
        subject = rng.choice(halves(SUBJECTS[topic])[pick])
        parts.append(rng.choice(halves(MOODS[topic][mood])[pick]).replace("{s}", subject))
        moods.append(mood)
    for _ in range(rng.choices([0, 1, 2], [5, 4, 1])[0] if parts else 2):
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(halves(REMARKS)[pick]))
    stars = 3.0 + (sum(moods) / len(moods) if moods else 0.0) + rng.gauss(0, 0.35)
    joined = [parts[0]]
    for part in parts[1:]:
        joined.append(rng.choice([", ", "; ", ". ", ", and "]))
        joined.append(part)
    text = "".join(joined)
    # Sentences begin with a capital.
    text = ". ".join(sentence[0].upper() + sentence[1:] for sentence in text.split(". ")) + rng.choice([".", ".", "!", ""])
    return text, sorted(topics), round(min(5.0, max(1.0, stars)) * 2) / 2


TOPICS = """\
# Topics of reviews of guest houses, any number of them each: synthetic, written by data/generate.py.
name = "topics"
task = "multilabel"
format = "jsonl"

[columns]
id = "id"
text = "text"
labels = "topics"

[splits]
train = "train.jsonl"
dev = "dev.jsonl"
test = "test.jsonl"
"""

STARS = """\
# Stars of reviews of guest houses, from 1 to 5 in halves: synthetic, written by data/generate.py.
name = "stars"
task = "regression"
format = "csv"

[columns]
id = "id"
text = "text"
target = "stars"

[target]
minimum = 1
maximum = 5

[splits]
train = "train.csv"
dev = "dev.csv"
test = "test.csv"
"""


def files() -> dict[str, str]:
    rng = random.Random(SEED)
    written = {"topics/topics.toml": TOPICS, "stars/stars.toml": STARS}
    seen: set[str] = set()
    for split, count in ROWS.items():
        lines, table = [], io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["id", "text", "stars"])
        while len(lines) < count:
            text, topics, stars = review(split != "train", rng)
            if text.lower() in seen:
                continue
            seen.add(text.lower())
            name = f"{split}-{len(lines) + 1:04}"
            lines.append(json.dumps({"id": name, "text": text, "topics": topics}))
            writer.writerow([name, text, f"{stars:g}"])
        written[f"topics/{split}.jsonl"] = "\n".join(lines) + "\n"
        written[f"stars/{split}.csv"] = table.getvalue()
    return written
