"""Short news and office sentences with four kinds of names, two columns, IOB2.

Names are put together from parts, most of them made up. Train and the other splits share no name, because the parts
themselves are split. Most sentence patterns are shared; dev and test also have some of their own.
"""

import random

SEED = 20240818
SENTENCES = {"train": 800, "dev": 200, "test": 200}
OWN_PATTERN = 0.35

# Parts of names: before the bar for train, after it for dev and test.
PARTS = {
    "first": "Anna Tomas Leila Victor Mei Oskar Fatima Daniel Irina Paulo Grace Henrik Amara Luca Sofia Jonas "
             "Bilal Clara "
             "Dmitri Elena Farid Greta Hugo Ines Jamal Karin Leon Mona Nils Olga Pedro Rania Simon Tara Ulla Vera "
             "Walter Yara Zoltan Agnes Boris Carmen David Esther Felix Gita"
             "||Petra Malik Eleni Rafael Hana Stefan Zoe Kwame Ingrid Dario Noor Emil Judith Omar Saskia Ivan",
    "last": "Berg Okafor Lindqvist Moretti Tanaka Haddad Novak Silva Brandt Osei Keller Rossi Ivanova Marsh Dahl "
            "Abbas "
            "Bauer Costa Duarte Eriksen Fontaine Garcia Hoffmann Ito Jansen Kaya Larsen Mehta Nilsson Ortega Park "
            "Quinn "
            "Reyes Schmidt Tran Usman Varga Weber Young Zeman Ahmadi Bianchi Cohen Diaz"
            "||Fischer Adeyemi Castellan Wren Yamada Petrov Sorensen Quist Almeida Horvat Banerjee Doyle Lam Nagy",
    "town": "Harwick|Lowenfeld|Port Ellery|San Tarino|Brenholm|Kastova|Old Mersey|Vallorne|Ashby Cross|Nordhaven"
            "|Silverton"
            "|Marlow|Kirkby|New Haddon|Villa Serena|Oldenburg|Westbrook|Santa Rosa|Lindau|Fort Hays|Belgrano|Torvik"
            "|Greenford|Porto Novo|Hillsborough|Kingsport|Saint Malo|Rosario|Bergen|Ashford|Lakeside|Monteverde"
            "||Eastmere|Rio Calvo|Grunwald|Saint Orrin|Telmark|Upper Finch|Newport|Castellar|Riverton|Hallstad"
            "|San Pedro",
    "land": "Varonia|the Kesh Islands|Ostland|Mirador|North Calden|Norway|Peru|Ghana|Portugal|Nepal"
            "|the Northern Isles|Chile"
            "||Belmora|the Tarn Valley|Southmark|Kenya|Finland|Uruguay",
    "stem": "Halden|Brightwater|Korvo|Ferris|Meridian|Oakline|Stratos|Bluefin|Tamsin|Novaterra|Ironbridge|Solara"
            "|Westline"
            "|Polaris|Granite|Evergreen|Helix|Summit|Crescent|Vertex|Atlas|Redwood|Orion|Pacifica|Keystone|Omnia"
            "|Delphi"
            "||Calloway|Pinecrest|Zentro|Arkwright|Lumera|Redgate|Northstar|Apex|Silverline|Castor|Unity",
    "trade": "Foods|Bank|Motors|Energy|Textiles|Logistics|Media|Software|Group|Holdings|Systems|Chemicals|Partners"
             "||Airlines|Pharma|Steel|Insurance|Telecom|Industries",
    "body": "University of {town}|{town} City Council|{land} Ministry of Health|{town} United"
            "|National Museum of {land}"
            "|{town} Police|Bank of {land}|{town} Hospital|{land} Red Cross|{town} Rovers|{town} School Board"
            "||{town} Chamber of Commerce|{land} Football Association|Institute of {town}|{town} Orchestra",
    "gadget": "Lumo|Kestrel|Pico|Vanta|Orbit|Zephyr|Tandem|Quill|Photon|Ranger|Breeze|Cobalt|Sonic|Tempo|Vista"
              "|Rocket|Comet"
              "|Spark|Fusion|Prism|Echo|Turbo||Nimbus|Sparrow|Halo|Drift|Pulse|Blaze|Nova|Glide",
    "suffix": "3|X2|Pro|Mini|400|One|Plus|SE|7|Lite|V8|2000||S5|Max|Air|720|Ultra|9",
}

# Sentence patterns, tokens separated by blanks. The mark splits as above.
PATTERNS = [
    "{person} moved to {location} last spring .",
    "{organisation} has opened an office in {location} .",
    "{person} , who works for {organisation} , declined to comment .",
    "The {product} sold out within a week in {location} .",
    "{organisation} will stop making the {product} next year .",
    "\" We were surprised , \" said {person} of {organisation} .",
    "Heavy rain closed two roads near {location} on Sunday .",
    "{person} bought a used {product} from {person} .",
    "Shares of {organisation} fell by four percent after the report .",
    "The court in {location} ruled against {organisation} .",
    "{person} and {person} will meet in {location} tomorrow .",
    "My {product} broke again , so I wrote to {organisation} .",
    "Has anybody seen {person} today ?",
    "{organisation} and {organisation} announced a merger on Tuesday .",
    "The train from {location} to {location} was an hour late .",
    "Critics praised the {product} but not its price .",
    "{person} resigned as head of {organisation} in March .",
    "The meeting was short , and nobody asked a question .",
    "Prices rose again in the second quarter .",
    "Please send the invoice to {person} at {organisation} .",
    "Doctors from {location} trained nurses in {location} .",
    "The {product} is lighter than the {product} , said {person} .",
    "She left the keys on the table and went home .",
    "{location} : {person} wins the mayor's race",
    "{organisation} recalls {product} after complaints",
    "The river burst its banks for the third time this year .",
    "||",
    "According to {person} , {location} needs a new hospital .",
    "Engineers at {organisation} tested the {product} for a year .",
    "{location} signed a contract with {organisation} , {person} confirmed .",
    "Nobody in the office likes the {product} .",
    "After ten years in {location} , {person} joined {organisation} .",
    "The old bridge will be repaired before winter .",
    "Tickets for {organisation} against {organisation} cost twelve euros .",
    "{person} reviews the {product}",
]

KINDS = ["person", "location", "organisation", "product"]

DESCRIPTION = """\
# Names in short sentences: synthetic, written by data/generate.py.
name = "ner"
task = "tagging"
format = "conll"
scheme = "IOB2"
separator = "tab"

[columns]
words = 0
tags = 1

[splits]
train = "train.conll"
dev = "dev.conll"
test = "test.conll"
"""


def parts(key: str, unseen: bool) -> list[str]:
    half = PARTS[key].split("||")[unseen]
    return half.split("|") if "|" in half else half.split(" ")


class Names:
    """Draws names from one half of the parts."""

    def __init__(self, unseen: bool, rng: random.Random):
        self.unseen, self.rng = unseen, rng

    def part(self, key: str) -> str:
        text = self.rng.choice(parts(key, self.unseen))
        for inner in ("town", "land"):
            if "{" + inner + "}" in text:
                text = text.replace("{" + inner + "}", self.part(inner).removeprefix("the "))
        return text

    def draw(self, kind: str) -> str:
        roll = self.rng.random()
        if kind == "person":
            if roll < 0.7:
                return f"{self.part('first')} {self.part('last')}"
            return self.part("first") if roll < 0.85 else self.part("last")
        if kind == "location":
            return self.part("town") if roll < 0.75 else self.part("land")
        if kind == "organisation":
            if roll < 0.5:
                return f"{self.part('stem')} {self.part('trade')}"
            return self.part("stem") if roll < 0.7 else self.part("body")
        return f"{self.part('gadget')} {self.part('suffix')}" if roll < 0.75 else self.part("gadget")


def sentence(unseen: bool, rng: random.Random) -> list[tuple[str, str]]:
    bar = PATTERNS.index("||")
    own = unseen and rng.random() < OWN_PATTERN
    pattern = rng.choice(PATTERNS[bar + 1:] if own else PATTERNS[:bar])
    names = Names(unseen, rng)
    rows = []
    for token in pattern.split(" "):
        kind = token.strip("{}")
        if token.startswith("{") and kind in KINDS:
            words = names.draw(kind).split(" ")
            # An article belongs to the sentence, not to the name.
            if words[0] == "the":
                rows.append((words.pop(0), "O"))
            rows += [(word, ("I-" if position else "B-") + kind) for position, word in enumerate(words)]
        else:
            rows.append((token, "O"))
    if rows[0][0] == "the":
        rows[0] = ("The", "O")
    return rows


def files() -> dict[str, str]:
    rng = random.Random(SEED)
    written = {"ner/ner.toml": DESCRIPTION}
    for split, count in SENTENCES.items():
        seen: set[str] = set()
        plain = 0
        blocks = []
        while len(blocks) < count:
            rows = sentence(split != "train", rng)
            block = "".join(f"{word}\t{tag}\n" for word, tag in rows)
            nameless = all(tag == "O" for _, tag in rows)
            # The few sentences without a name may repeat; all others are different.
            if block in seen and (not nameless or plain >= count // 10):
                continue
            plain += nameless
            seen.add(block)
            blocks.append(block)
        written[f"ner/{split}.conll"] = "\n".join(blocks)
    return written
