import pytest

from server.interpretation.piper_synthesizer import ipa
from server.interpretation.pronunciation import phones_of, pronouncer


@pytest.mark.parametrize(
    ("signs", "language", "phones"),
    [
        ("tʃˈɜːtʃ", "en", "CH ER CH"),
        ("kˈʌvɪnənt", "en", "K AH V IH N AX N T"),
        ("ˈɔːɹɡən", "en", "AO R G AX N"),
        ("kˈɛrk", "nl", "K E R K"),
        ("mysˈeːʏm", "nl", None),
        ("ɣˈʋ", "nl", "X W"),
        ("ˈ", "en", None),
        ("", "en", None),
        ("a", "fr", None),
    ],
)
def test_ipa_is_converted_to_phones(signs: str, language: str, phones: str | None) -> None:
    assert phones_of(signs, language) == (tuple(phones.split()) if phones else None)


@pytest.mark.parametrize(
    ("word", "language", "phones"),
    [
        ("church", "en", "CH ER CH"),
        ("xanderoo", "en", "Z AE N D ER R UW"),
        ("kerk", "nl", "K E R K"),
        ("dijkgraaf", "nl", "D EI K X R AA F"),
        ("schoonhoven", "nl", "S X OO N H OO V AX N"),
    ],
)
def test_espeak_says_how_a_word_sounds(word: str, language: str, phones: str) -> None:
    found = pronouncer(language, ipa)(word)
    assert found == tuple(phones.split())


@pytest.mark.parametrize("word", ["", "…", "'"])
def test_text_without_sound_has_no_phones(word: str) -> None:
    assert pronouncer("en", ipa)(word) is None


def test_a_language_without_phones_has_none() -> None:
    assert pronouncer("xx", ipa)("word") is None
