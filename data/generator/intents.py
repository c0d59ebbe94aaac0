"""Short requests to a household assistant, twelve intents.

A request is a phrasing with slots filled in, dressed up by noise that leaves the intent alone (politeness, lower "
"case,
missing punctuation, typing slips). Train knows only its own slot values and phrasings; dev and test take other values
throughout, and in UNSEEN_PHRASING of their rows a phrasing that train never showed.
"""

import csv
import io
import random
import string

SEED = 20240817
ROWS = {"train": 1500, "dev": 300, "test": 300}
UNSEEN_PHRASING = 0.15

# Slot values: those before the bar are for train, those after it for dev and test.
SLOTS = {
    "time": "seven|half past six|6:45|noon|eight fifteen|5 am|a quarter to nine|ten o'clock|4:30 in the afternoon"
            "||twenty past seven|11 pm|6:05|three thirty|ten to eight",
    "day": "tomorrow|on Monday|on Friday|this evening|next Tuesday|on the 14th|on Saturday morning"
           "||on Thursday|the day after tomorrow|on the 3rd|next weekend",
    "person": "Maria|my sister|Tom|the plumber|grandma|Dr. Lang|Ahmed|my boss|Chloe|Uncle Pete|Kenji|the baker|Hassan"
              "|Elif|my neighbour|aunt Vera"
              "||Ingrid|my landlord|Yusuf|the dentist|Noor|cousin Bea",
    "task": "water the plants|pay the rent|take out the rubbish|renew my passport|buy milk, eggs and bread"
            "|pick up the parcel|call the insurance back|feed the cat|clean the windows|print the tickets"
            "|charge the bike"
            "|cancel the newspaper|descale the kettle|write the thank-you cards"
            "||return the library books|defrost the freezer|sign the school form|order new glasses"
            "|wind the old clock",
    "city": "Lisbon|Oslo|Bristol|Kyoto|Denver|Graz||Tallinn|Porto|Leeds|Cusco",
    "song": "some jazz|the new album by Blue Harbour|\"Paper Moons\"|my running playlist|something calm"
            "|old soul records"
            "|\"Winter, Again\"|a little samba|the choir record|\"Salt and Iron\"|some guitar music"
            "|anything by Nightjar"
            "||a bit of bossa nova|\"Glass Rivers\"|the live record by The Tin Foxes|piano music",
    "message": "I'm running late, start without me|the keys are under the mat|happy birthday|dinner is at mine"
               "|I can't make it|thanks for yesterday, it was lovely|the train is stuck|I'll be back in an hour"
               "|the printer works again|we got the flat, finally|please bring the umbrella|I miss you"
               "|see you at the gate"
               "|the heating has been repaired|he said yes"
               "||I'll be there in ten minutes|don't forget the charger|we won, can you believe it"
               "|the boiler is fixed"
               "|good luck today|I left the tickets with Sam|the meeting is over, come in|sorry, I overslept",
    "place": "the Italian place on Mill Street|a quiet restaurant by the river|Sakura|the steak house|a tapas bar"
             "||the Lebanese grill|somewhere with a terrace|Chez Odile|the noodle bar round the corner",
    "count": "two|four|three people|six|a party of eight||five|nine of us|seven people",
    "dish": "lasagne|lentil soup|banana bread|chicken curry|pancakes without eggs|a vegan chilli"
            "||ratatouille|apple crumble|fish tacos|mushroom risotto",
    "ingredient": "two courgettes|leftover rice|a tin of chickpeas|some spinach and feta|minced beef"
                  "||half a pumpkin|stale bread|three aubergines|smoked tofu",
    "amount": "50 euros|twenty pounds|300 dollars|15.50|a hundred euros||75 pounds|12 dollars|640 euros|thirty-five",
    "account": "my savings account|the joint account|my current account|the holiday fund"
               "||my student account|the business account|the house account",
    "room": "the kitchen|the bedroom|the hall|the living room|upstairs||the study|the bathroom|the garage|the attic",
    "degree": "19 degrees|21|a bit warmer|two degrees lower||18.5|twenty degrees|one degree higher",
    "minutes": "ten minutes|an hour|45 minutes|two hours||a quarter of an hour|90 minutes|five minutes",
    "event": "the dentist appointment|yoga|the parents' evening|lunch with the team|the flight|band rehearsal"
             "|my doctor's appointment|the budget meeting|football training"
             "||the job interview|choir practice|the vet visit|my tax meeting",
}

# Phrasings: before the bar for train, dev and test; after it for dev and test alone.
PHRASINGS = {
    "set_alarm": [
        "set an alarm for {time}", "wake me up at {time} {day}", "alarm at {time} please",
        "get me out of bed at {time}",
        "I need an alarm {day}, {time}", "ring me awake at {time}", "put the alarm on {time} {day}",
        "can you wake us at {time}", "set a second alarm, {minutes} after the first",
        "||", "don't let me sleep past {time}", "I have to be up by {time} {day}",
        "make a noise at {time} so that I get up",
        "move my alarm to {time}",
    ],
    "set_reminder": [
        "remind me to {task}", "remind me to {task} {day}", "set a reminder for {time}: {task}",
        "make sure I don't forget to {task}", "note to self, {task} {day}", "in {minutes} remind me to {task}",
        "I want a reminder to {task} at {time}", "put \"{task}\" on my list for {time}",
        "remind me about {event} {minutes} before",
        "||", "I always forget to {task}, nudge me {day}", "at {time} tell me to {task}",
        "add {task} to my to-dos {day}",
        "don't let me forget {event}",
    ],
    "check_calendar": [
        "what do I have {day}", "am I free {day} at {time}", "when is {event}", "show my calendar for {day}",
        "do I have anything at {time} {day}", "how long is {event}", "what's my first appointment {day}",
        "is {event} before {time}", "read me my schedule {day}",
        "||", "what time does {event} start", "how busy am I {day}", "did I already plan something {day}",
        "which day was {event} again",
    ],
    "weather": [
        "what's the weather in {city}", "will it rain {day}", "do I need an umbrella {day}",
        "how cold is it in {city}",
        "is it sunny in {city} {day}", "forecast for {city}, {day}", "how warm will it get {day}",
        "will there be snow in {city}", "is a storm coming {day}",
        "||", "can I go out without a coat {day}", "should I bring sunglasses to {city}",
        "is it going to freeze {day}",
        "what's it like outside in {city}",
    ],
    "play_music": [
        "play {song}", "put on {song}", "I want to hear {song}", "start {song} in {room}",
        "play {song} for {minutes}",
        "next track, then {song}", "shuffle {song}", "let's listen to {song}", "turn up {song}",
        "||", "I'm in the mood for {song}", "some sound in {room}, maybe {song}", "can we have {song} on repeat",
        "how about {song} while I cook",
    ],
    "send_message": [
        "text {person} {message}", "tell {person}: {message}", "send {person} a message saying \"{message}\"",
        "write to {person} that {message}", "let {person} know {message}", "message {person}, \"{message}\"",
        "reply to {person} with \"{message}\"", "say to {person} {message}", "send a note to {person}: {message}",
        "||", "drop {person} a line, {message}", "could you pass on to {person} that {message}",
        "answer {person}: \"{message}\"", "{person} should know this: {message}",
    ],
    "call_contact": [
        "call {person}", "ring {person} {day}", "phone {person} on the mobile", "get {person} on the line",
        "dial {person}", "start a video call with {person}", "call {person} back", "try {person} again at {time}",
        "give {person} a call",
        "||", "I need to speak to {person}", "connect me with {person}", "can you reach {person} for me",
        "put me through to {person}",
    ],
    "book_table": [
        "book a table at {place} for {count}", "reserve {place} {day}, {count}", "table for {count} at {time}",
        "get us a table at {place} {day}", "make a reservation at {place} for {time}",
        "can you book {place} for {count} {day}", "I'd like to eat at {place} {day}, we are {count}",
        "see if {place} has a table at {time}", "change our booking at {place} to {count}",
        "||", "we want dinner at {place} {day}, {count}", "is there room for {count} at {place}",
        "ask {place} whether they can seat {count} at {time}", "save us a spot at {place} {day}",
    ],
    "find_recipe": [
        "find a recipe for {dish}", "how do I make {dish}", "what can I cook with {ingredient}",
        "show me how to cook {dish}", "recipe for {dish}, please", "I have {ingredient}, any ideas",
        "how long does {dish} take in the oven", "what goes into {dish}", "look up {dish} for {count}",
        "||", "what should I do with {ingredient}", "walk me through {dish}", "I've never made {dish}, help",
        "something for dinner that uses up {ingredient}",
    ],
    "transfer_money": [
        "send {amount} to {person}", "I still owe {person} {amount}", "transfer {amount} to {account}",
        "pay {person} {amount}",
        "move {amount} from {account} to {person}", "wire {person} {amount} {day}", "put {amount} into {account}",
        "pay back {person}, {amount}", "give {person} {amount} from {account}", "set up a transfer of {amount} {day}",
        "||", "settle my debt of {amount} with {person}", "shift {amount} over to {account}",
        "let {person} have {amount} {day}",
        "{person} should get {amount} {day}", "top up {account} with {amount}",
    ],
    "check_balance": [
        "how much is in {account}", "what's my balance", "show the balance of {account}",
        "do I have {amount} left in {account}", "did {amount} from {person} arrive",
        "how much did I spend this month",
        "check {account}", "what came out of {account} {day}", "is there enough in {account} to pay {amount}",
        "||", "can I afford {amount} right now", "has {person} paid me yet", "am I overdrawn on {account}",
        "what's left in {account}",
    ],
    "smart_home": [
        "turn off the lights in {room}", "clean the floor in {room}", "set the heating to {degree}",
        "make it {degree} in {room}",
        "dim {room}", "switch on the lamp in {room} at {time}", "close the blinds in {room}",
        "is the light still on in {room}", "start the dishwasher in {minutes}", "lock the front door at {time}",
        "||", "it's too dark in {room}", "I'm cold, {degree} please", "everything off in {room}",
        "vacuum {room} {day}",
    ],
}

OPENINGS = ["hey, ", "hi, ", "ok, ", "please ", "could you help: ", "um, ", "quick one: ", "listen, ", "so, "]
CLOSINGS = [", please", ", thanks", " if you can", " now", ", okay?", ", would you", " for me"]


def halves(values: list[str]) -> tuple[list[str], list[str]]:
    """The part before the bar and the part after it."""
    bar = values.index("||")
    return values[:bar], values[bar + 1:]


def slot_values(text: str) -> tuple[list[str], list[str]]:
    known, unseen = text.split("||")
    return known.split("|"), unseen.split("|")


def slip(text: str, rng: random.Random) -> str:
    """One typing slip inside a word: a letter dropped, doubled, or swapped with the next."""
    places = [i for i in range(1, len(text) - 1) if text[i - 1:i + 2].isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1:]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2:]


def dress(text: str, rng: random.Random) -> str:
    """Noise that leaves the intent alone."""
    if rng.random() < 0.25:
        text = rng.choice(OPENINGS) + text
    if rng.random() < 0.2:
        text = text + rng.choice(CLOSINGS)
    style = rng.random()
    if style < 0.45:
        text = text[0].upper() + text[1:] + rng.choice([".", ".", "?", "!", ""])
    elif style < 0.7:
        text = text.lower()
    for chance in (0.15, 0.03):
        if rng.random() < chance:
            text = slip(text, rng)
    return text


def request(intent: str, unseen: bool, rng: random.Random) -> str:
    known_phrasings, new_phrasings = halves(PHRASINGS[intent])
    phrasings = new_phrasings if unseen and rng.random() < UNSEEN_PHRASING else known_phrasings
    text = rng.choice(phrasings)
    for name in [name for _, name, _, _ in string.Formatter().parse(text) if name]:
        known, new = slot_values(SLOTS[name])
        text = text.replace("{" + name + "}", rng.choice(new if unseen else known), 1)
    return dress(text, rng)


DESCRIPTION = """\
# Requests to a household assistant: synthetic, written by data/generate.py.
name = "intents"
task = "sequence"
format = "csv"
header = true
quoting = true

[columns]
id = "id"
text = "text"
label = "intent"

[splits]
train = "train.csv"
dev = "dev.csv"
test = "test.csv"
"""


def files() -> dict[str, str]:
    rng = random.Random(SEED)
    written = {"intents/intents.toml": DESCRIPTION}
    seen: set[str] = set()
    for split, count in ROWS.items():
        rows = []
        intents = list(PHRASINGS)
        while len(rows) < count:
            intent = intents[len(rows) % len(intents)]
            text = request(intent, split != "train", rng)
            if text.lower() not in seen:
                seen.add(text.lower())
                rows.append((text, intent))
        rng.shuffle(rows)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["id", "text", "intent"])
        for number, (text, intent) in enumerate(rows, 1):
            writer.writerow([f"{split}-{number:04}", text, intent])
        written[f"intents/{split}.csv"] = table.getvalue()
    return written
