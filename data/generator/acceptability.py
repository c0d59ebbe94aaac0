"""Acceptable and unacceptable English sentences from a small grammar, in the layout of CoLA.

Each construction below is a function that draws words and returns an acceptable sentence, or, asked for, the same
construction with one rule broken. The first column names the construction, never the verdict. Out-of-domain sentences
have their own words throughout, and in two thirds of the rows constructions that train does not have.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

SEED = 20240819
ROWS = {"train": 2000, "in_domain_dev": 300, "out_of_domain_dev": 300}
ACCEPTABLE = 0.7
# Share of unacceptable rows whose acceptable twin is in the same split: pairs that differ in one place.
TWINS = 0.25


@dataclass(frozen=True)
class Verb:
    """Forms of a verb: base, third person singular, past, participle, -ing."""

    base: str
    third: str
    past: str
    part: str
    ing: str


def verbs(text: str) -> list[Verb]:
    return [Verb(*line.split()) for line in text.strip().splitlines()]


@dataclass(frozen=True)
class Lexicon:
    """Words of one domain."""

    women: list[str]
    men: list[str]
    people: list[tuple[str, str]]
    things: list[tuple[str, str]]
    places: list[str]
    adjectives: list[str]
    states: list[str]
    adverbs: list[str]
    transitive: list[Verb]
    intransitive: list[Verb]
    saying: list[Verb]
    trying: list[Verb]
    when: list[str]


def pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split("/")) for pair in text.split()]


HOME = Lexicon(
    women="Anna Maria Susan Helen Rosa Nadia Julia Grace".split(),
    men="Peter Omar David Felix Karl Tom Bruno Emil".split(),
    people=pairs("teacher/teachers child/children doctor/doctors neighbour/neighbours guest/guests baker/bakers "
                 "student/students nurse/nurses farmer/farmers actor/actors painter/painters driver/drivers "
                 "king/kings singer/singers"),
    things=pairs("letter/letters window/windows book/books car/cars cake/cakes picture/pictures key/keys "
                 "bottle/bottles "
                 "ladder/ladders lamp/lamps chair/chairs coat/coats boat/boats drum/drums map/maps"),
    places=["the kitchen", "the garden", "the old station", "the park", "the library", "the yard", "the shop",
            "the attic"],
    adjectives="red heavy broken small expensive green dusty old wet".split(),
    states="tired hungry late happy angry ready".split(),
    adverbs="quickly carefully often rarely quietly".split(),
    transitive=verbs("""
        paint paints painted painted painting
        break breaks broke broken breaking
        hide hides hid hidden hiding
        steal steals stole stolen stealing
        repair repairs repaired repaired repairing
        find finds found found finding
        choose chooses chose chosen choosing
        throw throws threw thrown throwing
        clean cleans cleaned cleaned cleaning
        bring brings brought brought bringing
        take takes took taken taking
        carry carries carried carried carrying
    """),
    intransitive=verbs("""
        sleep sleeps slept slept sleeping
        arrive arrives arrived arrived arriving
        laugh laughs laughed laughed laughing
        fall falls fell fallen falling
        wait waits waited waited waiting
        disappear disappears disappeared disappeared disappearing
    """),
    saying=verbs("""
        think thinks thought thought thinking
        say says said said saying
        believe believes believed believed believing
        know knows knew known knowing
    """),
    trying=verbs("""
        try tries tried tried trying
        decide decides decided decided deciding
        hope hopes hoped hoped hoping
        refuse refuses refused refused refusing
    """),
    when=["yesterday", "last week", "after dinner", "on Sunday"],
)

WORK = Lexicon(
    women="Ingrid Fatou Claire Yuki".split(),
    men="Marco Hugo Ravi Stefan".split(),
    people=pairs("lawyer/lawyers pilot/pilots engineer/engineers judge/judges clerk/clerks senator/senators "
                 "journalist/journalists trainee/trainees"),
    things=pairs("contract/contracts engine/engines report/reports statue/statues machine/machines "
                 "painting/paintings "
                 "rocket/rockets parcel/parcels"),
    places=["the harbour", "the court", "the new factory", "the embassy", "the tower"],
    adjectives="secret rusty long famous illegal cheap".split(),
    states="nervous absent grateful certain ill".split(),
    adverbs="secretly eventually reluctantly suddenly".split(),
    transitive=verbs("""
        inspect inspects inspected inspected inspecting
        forget forgets forgot forgotten forgetting
        draw draws drew drawn drawing
        destroy destroys destroyed destroyed destroying
        deliver delivers delivered delivered delivering
        sell sells sold sold selling
    """),
    intransitive=verbs("""
        hesitate hesitates hesitated hesitated hesitating
        vanish vanishes vanished vanished vanishing
        resign resigns resigned resigned resigning
        collapse collapses collapsed collapsed collapsing
    """),
    saying=verbs("""
        claim claims claimed claimed claiming
        suspect suspects suspected suspected suspecting
        admit admits admitted admitted admitting
    """),
    trying=verbs("""
        promise promises promised promised promising
        intend intends intended intended intending
        plan plans planned planned planning
    """),
    when=["in 1998", "during the strike", "this morning", "before the trial"],
)


class Draw:
    """Draws words of one lexicon. `bad` says whether the sentence is to break its construction's rule."""

    def __init__(self, words: Lexicon, rng: random.Random, bad: bool):
        self.words, self.rng, self.bad = words, rng, bad

    def of(self, values):
        return self.rng.choice(values)

    def rule(self, good: str, *broken: str) -> str:
        """The one place where an unacceptable sentence differs."""
        choice = self.rng.choice(broken)
        return choice if self.bad else good

    def woman(self) -> str:
        return self.of(self.words.women)

    def man(self) -> str:
        return self.of(self.words.men)

    def person(self, plural: bool = False) -> str:
        return "the " + self.of(self.words.people)[plural]

    def thing(self, plural: bool = False) -> str:
        return "the " + self.of(self.words.things)[plural]

    def subject(self) -> str:
        roll = self.rng.random()
        return self.woman() if roll < 0.35 else self.man() if roll < 0.7 else self.person()

    def tail(self) -> str:
        """An adjunct, or nothing."""
        roll = self.rng.random()
        if roll < 0.25:
            return " " + self.of(self.words.when)
        return " in " + self.of(self.words.places) if roll < 0.4 else ""

    def verb(self) -> Verb:
        return self.of(self.words.transitive)

    def alone(self) -> Verb:
        return self.of(self.words.intransitive)


Construction = Callable[[Draw], str]


# --- constructions of train and the in-domain split -----------------------------------------------------------------

def agreement(d: Draw) -> str:
    plural = d.rng.random() < 0.5
    head = d.of(d.words.things)[plural]
    near = d.of(d.words.people if d.rng.random() < 0.5 else d.words.things)[not plural]
    link = d.of(["near", "behind", "of", "next to"])
    good, bad = ("are", "is") if plural else ("is", "are")
    return f"the {head} {link} the {near} {d.rule(good, bad)} {d.of(d.words.adjectives)}"


def agreement_verb(d: Draw) -> str:
    plural = d.rng.random() < 0.5
    verb = d.alone()
    good, bad = (verb.base, verb.third) if plural else (verb.third, verb.base)
    return f"{d.person(plural)} {d.of(['always', 'never', 'usually'])} {d.rule(good, bad)} in {d.of(d.words.places)}"


def auxiliary(d: Draw) -> str:
    verb = d.verb()
    kind = d.rng.randrange(3)
    if kind == 0:
        form = d.rule(f"has {verb.part}", f"has {verb.base}", f"has {verb.ing}")
    elif kind == 1:
        form = d.rule(f"will {verb.base}", f"will {verb.third}", f"will {verb.ing}")
    else:
        form = d.rule(f"is {verb.ing}", f"is {verb.base}", f"does {verb.ing}")
    return f"{d.subject()} {form} {d.thing(d.rng.random() < 0.4)}{d.tail()}"


def objects(d: Draw) -> str:
    """A transitive verb needs its object (verbs that may drop it are left out), an intransitive one takes none."""
    if d.rng.random() < 0.5:
        verb = d.of(["found", "repaired", "fetched", "mentioned", "damaged"])
        return f"{d.subject()} {verb}{d.rule(' ' + d.thing(), '')}{d.tail()}"
    return f"{d.subject()} {d.alone().past}{d.rule('', ' ' + d.thing(), ' ' + d.person())}{d.tail()}"


def reflexive(d: Draw) -> str:
    """A reflexive agrees with the subject of its own clause."""
    verb = d.of(["hurt", "admired", "blamed", "surprised", "prepared"])
    kind = d.rng.randrange(3)
    if kind == 0:
        return f"{d.woman()} {verb} {d.rule('herself', 'himself', 'itself')}{d.tail()}"
    if kind == 1:
        return f"{d.man()} {verb} {d.rule('himself', 'herself', 'itself')}{d.tail()}"
    say = d.of(d.words.saying).past
    return f"{d.woman()} {say} that {d.man()} {verb} {d.rule('himself', 'herself')}"


def question(d: Draw) -> str:
    verb, subject = d.verb(), d.subject()
    body = d.rule(
        f"did {subject} {verb.base}",
        f"{subject} {verb.past}",
        f"did {subject} {verb.past}",
        f"did {subject} {verb.base} {d.thing()}",
    )
    return f"what {body}{d.tail()}?"


def extraction(d: Draw) -> str:
    """A question word may leave a complement clause, but not a noun's clause, an adjunct or an embedded question."""
    subject, inner, verb, thing = d.woman(), d.man(), d.verb(), d.thing()
    kind = d.rng.randrange(4)
    if kind == 0:
        say = d.of(d.words.saying).base
        return d.rule(f"what did {subject} {say} that {inner} {verb.past}?",
                      f"what did {subject} {say} that {inner} {verb.past} {thing}?")
    start = [
        f"{subject} hear the rumour that {inner}",
        f"{subject} {d.alone().base} because {inner}",
        f"{subject} wonder who",
    ][kind - 1]
    return d.rule(f"did {start} {verb.past} {thing}?", f"what did {start} {verb.past}?")


def adjective_order(d: Draw) -> str:
    # No verb that allows a result or a state after its object ("painted the car red", "found the bottle broken").
    verb = d.of(["stole", "repaired", "borrowed", "bought", "dropped"])
    noun, adjective = d.of(d.words.things)[0], d.of(d.words.adjectives)
    phrase = d.rule(f"the {adjective} {noun}", f"the {noun} {adjective}", f"{adjective} the {noun}")
    return f"{d.subject()} {verb} {phrase}{d.tail()}"


def adverb_order(d: Draw) -> str:
    subject, verb, thing, adverb = d.subject(), d.verb().past, d.thing(), d.of(d.words.adverbs)
    return d.rule(f"{subject} {adverb} {verb} {thing}", f"{subject} {verb} {adverb} {thing}") + d.tail()


def determiner(d: Draw) -> str:
    one, many = d.of(d.words.things)
    kind = d.rng.randrange(3)
    if kind == 0:
        phrase = d.rule(f"these {many}", f"these {one}", f"this {many}")
    elif kind == 1:
        phrase = d.rule(f"many {many}", f"much {many}", f"many {one}")
    else:
        phrase = d.rule(f"every {one}", f"every {many}", f"each {many}")
    return f"{d.subject()} {d.verb().past} {phrase}{d.tail()}"


def polarity(d: Draw) -> str:
    """`ever` and `any` want a negation above them."""
    verb, plural = d.verb(), d.of(d.words.things)[1]
    if d.rng.random() < 0.5:
        return f"{d.rule('nobody', 'somebody', 'everybody')} has ever {verb.part} {d.thing()}"
    good, bad = f"did not {verb.base}", verb.past
    return f"{d.subject()} {d.rule(good, bad)} any {plural}{d.tail()}"


def passive(d: Draw) -> str:
    verb = d.verb()
    form = d.rule(f"was {verb.part}", f"was {verb.base}", f"was {verb.ing}", f"has {verb.part}")
    return f"{d.thing()} {form} by {d.subject()}{d.tail()}"


def relative(d: Draw) -> str:
    verb, say = d.verb(), d.alone()
    if d.rng.random() < 0.5:
        gap = d.rule("", " it", " " + d.thing())
        return f"{d.thing()} that {d.subject()} {verb.past}{gap} was {d.of(d.words.adjectives)}"
    who = d.rule("who", "which", "who he", "what")
    return f"{d.person()} {who} {verb.past} {d.thing()} {say.past}{d.tail()}"


def control(d: Draw) -> str:
    outer, inner = d.of(d.words.trying), d.verb()
    clause = d.rule(f"to {inner.base}", f"{inner.base}", f"to {inner.past}")
    return f"{d.subject()} {outer.past} {clause} {d.thing()}{d.tail()}"


def predicate(d: Draw) -> str:
    state = d.of(d.words.states)
    return f"{d.subject()} {d.rule('was', '', 'were', 'be')} {state} {d.of(d.words.when)}"


# --- constructions of the out-of-domain split alone -----------------------------------------------------------------

def existential(d: Draw) -> str:
    one, many = d.of(d.words.people)
    kind = d.rng.randrange(2)
    if kind == 0:
        return f"there {d.rule('are', 'is')} several {many} in {d.of(d.words.places)}"
    return f"there was {d.rule('a ' + one, 'the ' + one, 'every ' + one)} in {d.of(d.words.places)}"


def cleft(d: Draw) -> str:
    thing, verb = d.thing(), d.verb()
    return f"it was {thing} that {d.subject()} {verb.past}{d.rule('', ' ' + d.thing(), ' it')}{d.tail()}"


def embedded_question(d: Draw) -> str:
    subject, verb = d.subject(), d.verb()
    body = d.rule(f"{subject} had {verb.part}", f"had {subject} {verb.part}", f"did {subject} {verb.base}")
    return f"{d.person()} asked what {body}{d.tail()}"


def comparison(d: Draw) -> str:
    adjective = d.of(["taller", "older", "richer", "faster"])
    return f"{d.man()} is {d.rule(adjective, 'more ' + adjective)} {d.rule('than', 'than', 'as', 'that')} {d.woman()}"


def ellipsis(d: Draw) -> str:
    verb, other = d.verb(), d.subject()
    tail = d.rule(f"{other} did too", f"{other} has too", f"{other} did {verb.past} too", f"did {other} too")
    return f"{d.person()} {verb.past} {d.thing()}, and {tail}"


def raising(d: Draw) -> str:
    verb = d.verb()
    body = d.rule(f"to have {verb.part}", f"have {verb.part}", f"to has {verb.part}", f"that has {verb.part}")
    return f"{d.subject()} seems {body} {d.thing()}"


def tough(d: Draw) -> str:
    verb = d.verb()
    return f"{d.thing()} is {d.of(['hard', 'easy', 'impossible'])} to {verb.base}{d.rule('', ' it', ' ' + d.thing())}"


def negative_inversion(d: Draw) -> str:
    subject, verb = d.subject(), d.verb()
    return f"never {d.rule(f'has {subject}', f'{subject} has')} {verb.part} such a {d.of(d.words.things)[0]}"


def gerund(d: Draw) -> str:
    verb, other = d.verb(), d.verb()
    return f"{d.rule(verb.ing, verb.base, verb.past)} {d.thing()} made {d.subject()} {d.of(d.words.states)}"


def coordination(d: Draw) -> str:
    """Out of a coordination nothing may be questioned alone."""
    subject, verb = d.subject(), d.verb()
    return d.rule(
        f"what did {subject} {verb.base} in {d.of(d.words.places)}?",
        f"what did {subject} {verb.base} {d.thing()} and?",
        f"what did {subject} {verb.base} and {d.thing()}?",
    )


def pronoun_case(d: Draw) -> str:
    kind = d.rng.randrange(2)
    verb = d.verb()
    if kind == 0:
        return f"{d.rule('she', 'her')} {verb.past} {d.thing()}{d.tail()}"
    return f"{d.person()} {d.of(['thanked', 'ignored', 'followed'])} {d.rule('him', 'he')}{d.tail()}"


IN_DOMAIN: list[Construction] = [
    agreement, agreement_verb, auxiliary, objects, reflexive, question, extraction, adjective_order, adverb_order,
    determiner, polarity, passive, relative, control, predicate,
]
OUT_OF_DOMAIN: list[Construction] = [
    existential, cleft, embedded_question, comparison, ellipsis, raising, tough, negative_inversion, gerund,
    coordination, pronoun_case,
]


def finish(text: str) -> str:
    text = " ".join(text.split())
    text = text[0].upper() + text[1:]
    return text if text.endswith("?") else text + "."


DESCRIPTION = """\
# Acceptable and unacceptable sentences in the layout of CoLA: synthetic, written by data/generate.py.
name = "acceptability"
task = "sequence"
format = "tsv"
header = false
quoting = false

[columns]
text = 3
label = 1

[labels]
names = ["0", "1"]
display = ["unacceptable", "acceptable"]

[splits]
train = "train.tsv"
in_domain_dev = "in_domain_dev.tsv"
out_of_domain_dev = "out_of_domain_dev.tsv"
"""


def files() -> dict[str, str]:
    rng = random.Random(SEED)
    written = {"acceptability/acceptability.toml": DESCRIPTION}
    seen: set[str] = set()
    for split, count in ROWS.items():
        outside = split == "out_of_domain_dev"
        words = WORK if outside else HOME
        # In turn, so each construction has about as many rows: ten old ones beside twenty-two turns of new ones.
        constructions = OUT_OF_DOMAIN * 2 + IN_DOMAIN[:10] if outside else IN_DOMAIN
        wanted = {True: round(count * ACCEPTABLE), False: count - round(count * ACCEPTABLE)}
        rows = []

        def add(construction: Construction, acceptable: bool, state) -> None:
            draw = random.Random(state)
            text = finish(construction(Draw(words, draw, bad=not acceptable)))
            if text in seen or not wanted[acceptable]:
                return
            seen.add(text)
            wanted[acceptable] -= 1
            code = construction.__name__.replace("_", "-")
            rows.append(f"{code}\t{int(acceptable)}\t{'' if acceptable else '*'}\t{text}\n")

        turn = 0
        while any(wanted.values()):
            construction = constructions[turn % len(constructions)]
            turn += 1
            state = rng.getrandbits(64)
            acceptable = rng.random() < ACCEPTABLE
            add(construction, acceptable, state)
            # The same draws, the other verdict.
            if not acceptable and rng.random() < TWINS:
                add(construction, True, state)
        rng.shuffle(rows)
        written[f"acceptability/{split}.tsv"] = "".join(rows)
    return written
