import pytest

from server.interpretation.open_numbers import may_go_on, without_open_number


@pytest.mark.parametrize(
    ("language", "text", "rest"),
    [
        ("en", "we need two hundred and", "we need"),
        ("en", "in the year 19", "in the year"),
        ("en", "it costs three point", "it costs"),
        ("en-GB", "there are twenty", "there are"),
        ("nl", "er kwamen drie", "er kwamen"),
        ("nl", "er kwamen vijfentwintig", "er kwamen"),
        ("nl", "er kwamen vijfentwintig mensen", "er kwamen vijfentwintig mensen"),
        ("de", "das sind zwei tausend", "das sind"),
        ("fr", "il y en a quatre vingt", "il y en a"),
        ("en", "it was 1953.", "it was 1953."),
        ("en", "of 300, that is", "of 300, that is"),
        ("en", "the road is the a12", "the road is the a12"),
        ("en", "about two and a half million", "about"),
        ("nl", "er wonen anderhalf miljoen", "er wonen"),
        ("en", "we start at nine oh", "we start at"),
        ("en", "thousands", "thousands"),
        ("cs", "to je 300", "to je 300"),
        ("en", "three", ""),
        ("en", "", ""),
    ],
)
def test_a_number_at_the_end_may_go_on(language: str, text: str, rest: str) -> None:
    assert without_open_number(text, language) == rest
    assert may_go_on(text, language) is (rest != text)
