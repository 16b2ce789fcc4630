"""Terms that models do not know, and sentences for them. They were made up for this evaluation and
are in no other training, tuning or test text."""

from dataclasses import dataclass
from itertools import islice
from typing import Final

from server.interpretation.glossary import Glossary

#: Dutch with its article, and English.
TERMS: Final = tuple(
    tuple(line.split(" = "))
    for line in """
het verbond = covenant
de gemeente = congregation
de ouderling = elder
de genade = grace
de kerkenraad = church council
de avondmaalsviering = communion service
het doopvont = baptismal font
de predikant = minister
de koster = verger
de catechisatie = confirmation class
het lectionarium = lectionary
de kansel = pulpit
de kwartiermaker = quartermaster
het beleidsplan = policy plan
de jaarrekening = annual account
het huishoudelijk reglement = house rules
de penningmeester = treasurer
de volmacht = proxy
het quorum = quorum
de wethouder = alderman
het bestemmingsplan = zoning plan
de omgevingsvergunning = planning permit
de waterkering = flood barrier
het gemaal = pumping station
de trekvaart = towpath canal
het rijksmonument = listed building
de gevelsteen = gable stone
de lakenhal = cloth hall
het hofje = almshouse
de vroedschap = town council
de schutterij = civic guard
het regentenstuk = regents' portrait
de digitale tweeling = digital twin
de warmtepomp = heat pump
het slimme net = smart grid
de regelkring = control loop
de steekproef = sample
het betrouwbaarheidsinterval = confidence interval
de nulhypothese = null hypothesis
de afgeleide = derivative
het eigenvak = eigenspace
de eiwitvouwing = protein folding
het ruggenmerg = spinal cord
de bijwerking = side effect
de huisartsenpost = walk-in clinic
het draaiboek = running order
de geluidstechnicus = sound engineer
het mengpaneel = mixing desk
de tolkencabine = interpreters' booth
de ringleiding = induction loop
""".strip().splitlines()
)
NAMES: Final = (
    "Van der Steen",
    "Xanderoo",
    "Zwaluwenberg",
    "Oosterschans",
    "Brandaris",
    "Kloosterman",
    "Wijnaldum",
    "Terpstra",
    "Lijnbaansgracht",
    "Ubachsberg",
)
#: Dutch and English sentences with a place for a term. The first FOR_NAMES also take names.
CARRIERS: Final = tuple(
    tuple(line.split(" = "))
    for line in """
we hebben gisteren over {the} gesproken = we talked about {the} yesterday
kun je ons iets over {the} vertellen = can you tell us something about {the}
mijn vader heeft {the} nooit begrepen = my father never understood {the}
niemand wist waar {the} was = nobody knew where {the} was
de meeste mensen kennen {the} niet = most people don't know {the}
zonder {the} kunnen we niet beginnen = we cannot start without {the}
{the} is belangrijk voor ons = {the} is important to us
we gaan nu naar {the} kijken = now we are going to look at {the}
iedereen was blij met {the} = everyone was happy with {the}
de kinderen hebben veel van {the} geleerd = the children have learned a lot from {the}
ik denk dat {the} heel oud is = i think that {the} is very old
waarom is {the} zo duur = why is {the} so expensive
ze hebben {the} vorig jaar veranderd = they changed {the} last year
{the} werd in de oorlog vernietigd = {the} was destroyed in the war
in {the} vind je het antwoord = you will find the answer in {the}
{the} en het museum zijn belangrijk = {the} and the museum are important
hij heeft nog nooit {a} gezien = he has never seen {a}
vandaag hebben we {a} nodig = we need {a} today
dit is {a} en dat weet iedereen = this is {a} and everybody knows that
mijn broer zoekt {a} = my brother is looking for {a}
""".strip().splitlines()
)
FOR_NAMES: Final = 10
KNOWN: Final = (("het boek", "book"), ("de school", "school"), ("de stad", "city"))
SLOT: Final = "slot"


@dataclass(frozen=True, slots=True)
class Case:
    """``text``: a sentence in one language. ``spoken``: the term in it. ``term``: its translation.
    ``reference``: the translation of the sentence, with ``SLOT`` in place of the term."""

    text: str
    spoken: str
    term: str
    reference: str


def glossary() -> Glossary:
    """The glossary that has the terms of the cases."""
    return Glossary(tuple({"nl": dutch, "en": english} for dutch, english in TERMS), NAMES)


def cases(source: str, carriers: int) -> list[Case]:
    """Each term in ``carriers`` sentences, from Dutch or from English."""
    target = {"nl": "en", "en": "nl"}[source]
    found = []
    for number, (dutch, english) in enumerate((*TERMS, *((name, name) for name in NAMES))):
        is_name = dutch == english
        bare = {"nl": dutch if is_name else dutch.split(" ", 1)[1], "en": english}
        usable = CARRIERS[:FOR_NAMES] if is_name else CARRIERS
        # Each term begins at another sentence, so that all sentences are used equally often.
        turned = (usable[(number + i) % len(usable)] for i in range(len(usable)))
        for carrier in islice(turned, carriers):
            texts = _filled(carrier, dutch, english)
            reference = texts[target].replace(bare[target].lower(), SLOT, 1)
            found.append(Case(texts[source], bare[source].lower(), bare[target], reference))
    return found


def known(language: str) -> list[str]:
    """The same sentences with common words as terms."""
    return [_filled(carrier, *pair)[language] for pair in KNOWN for carrier in CARRIERS]


def _filled(carrier: tuple[str, ...], dutch: str, english: str) -> dict[str, str]:
    """The sentence in each language, as a recogniser writes it."""
    if dutch == english:
        the, a = (dutch, english), (dutch, english)
    else:
        the = dutch, f"the {english}"
        a = f"een {dutch.split(' ', 1)[1]}", f"{'an' if english[0] in 'aeio' else 'a'} {english}"
    return {
        language: text.format(the=the[side], a=a[side]).lower()
        for side, (language, text) in enumerate(zip(("nl", "en"), carrier, strict=True))
    }
