import pytest

from server.interpretation.wording import swapped


@pytest.mark.parametrize(
    ("text", "old", "new", "language", "expected"),
    [
        ("The city is old.", "city", "covenant", "en", "The covenant is old."),
        ("City is old", "city", "grace", "en", "Grace is old"),
        ("The capacity", "city", "x", "en", "The capacity"),
        ("City-wide: the city's", "city", "hall", "en", "Hall-wide: the hall's"),
        ("Tom spoke", "Tom", "iPhone", "en", "iPhone spoke"),
        ("a city", "city", "elder", "en", "an elder"),
        ("An elder", "elder", "city", "en", "A city"),
        ("a city", "city", "university", "en", "a university"),
        ("a city", "city", "hour", "en", "an hour"),
        ("la ville", "ville", "alliance", "fr", "l'alliance"),
        ("sur l'alliance", "alliance", "porte", "fr", "sur la porte"),
        ("Le chien", "chien", "évangile", "fr", "L'évangile"),
        ("du chien au chien", "chien", "orgue", "fr", "de l'orgue à l'orgue"),
        ("de l'orgue", "orgue", "porte", "fr", "de la porte"),
        ("eine Tür", "Tür", "Gemeinde", "de", "eine Gemeinde"),
        ("(city)", "city", r"\1.*", "en", r"(\1.*)"),
    ],
)
def test_a_word_is_replaced(text: str, old: str, new: str, language: str, expected: str) -> None:
    assert swapped(text, [old], new, language, "f" if new == "porte" else "m")[0] == expected


def test_each_occurrence_is_counted() -> None:
    assert swapped("cities and a city", ["city", "cities"], "x", "en") == ("x and a x", 2)
    assert swapped("nothing", ["city"], "x", "en") == ("nothing", 0)
