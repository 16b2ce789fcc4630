"""Two hundred sentences with names and numbers that must come through a translation. Pure.

None of them is trained on. What must come through is the same in every language served.
"""

import random
from typing import Final

from training.translation.corpus import Language

_PEOPLE: Final = (
    "Maria", "Willem", "Fatima", "Johan", "Sofie", "Ahmed", "Ingrid", "Pieter", "Annelies",
    "Thomas", "Yusuf", "Katrin", "Lars", "Mireille", "Hannah", "Bram", "Olga", "Diego", "Eva",
    "Daan", "Lotte", "Samira", "Hendrik", "Kofi", "Emma",
)  # fmt: skip
_PLACES: Final = (
    "Amsterdam", "Utrecht", "Berlin", "Boston", "Rotterdam", "Madrid", "Toronto", "Leiden",
    "Oslo", "Chicago", "Nairobi", "Groningen", "Hamburg", "Dublin", "Eindhoven", "Oxford",
)  # fmt: skip
#: What must come through is $p (a person), $t (a town), $n (a number) and $y (a year).
_SENTENCES: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "$p visits $t.", "$p was born in $y.", "We meet in room $n.", "The church was built in $y.",
        "$p lives in $t.", "My name is $p.", "The train to $t leaves at $n.", "Thank you, $p.",
        "There are $n people in $t.", "Is $p here?", "Please read page $n.", "I work with $p.",
        "In $y we moved to $t.", "The ticket costs $n euros.", "$p and I went to $t in $y.",
    ),
    "nl": (
        "$p bezoekt $t.", "$p is geboren in $y.", "We zien elkaar in kamer $n.",
        "De kerk werd gebouwd in $y.", "$p woont in $t.", "Mijn naam is $p.",
        "De trein naar $t vertrekt om $n.", "Dank je, $p.", "Er zijn $n mensen in $t.",
        "Is $p er?", "Lees bladzijde $n.", "Ik werk met $p.", "In $y zijn we naar $t verhuisd.",
        "Het kaartje kost $n euro.", "$p en ik gingen in $y naar $t.",
    ),
}  # fmt: skip


def sentences(n: int = 200) -> list[tuple[Language, str, list[str]]]:
    """(language, sentence, what must come through), English and Dutch in turn."""
    rng = random.Random(1953)
    made: list[tuple[Language, str, list[str]]] = []
    for at in range(n):
        language: Language = "en" if at % 2 == 0 else "nl"
        template = _SENTENCES[language][at // 2 % len(_SENTENCES[language])]
        values = {"$p": rng.choice(_PEOPLE), "$t": rng.choice(_PLACES),
                  "$n": str(rng.randint(2, 200)), "$y": str(rng.randint(1100, 2030))}  # fmt: skip
        wanted = [value for mark, value in values.items() if mark in template]
        for mark, value in values.items():
            template = template.replace(mark, value)
        made.append((language, template, wanted))
    return made


def came_through(wanted: list[str], translated: str) -> bool:
    """Is all of ``wanted`` in the translation, as whole words?"""
    words = "".join(char if char.isalnum() else " " for char in translated).split()
    return all(word in words for word in wanted)
