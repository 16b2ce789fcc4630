"""How figures, signs and abbreviations are read aloud."""

import tomllib
from pathlib import Path

import pytest

from server.interpretation.reading import read_aloud

FORMS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("read_aloud.toml").read_text("utf-8")
)
CASES = [(language, *form) for language, forms in FORMS.items() for form in forms.items()]


@pytest.mark.parametrize(("language", "written", "said"), CASES)
def test_written_forms_are_read_as_people_do(language: str, written: str, said: str) -> None:
    assert read_aloud(written, language) == said


def test_each_language_has_many_forms() -> None:
    assert set(FORMS) == {"en", "nl", "de", "fr"}
    assert min(map(len, FORMS.values())) >= 60


@pytest.mark.parametrize("language", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        "Tolk", "Anna, Jan and 12 others.", "1945", "It is 2026.", "1.", "A1", "v2", "?!", "",
        "...", "1e400", "32/13/2025", "3:16:4", "--", "1-", "€", "%", "12345678901234567890",
    ],
)  # fmt: skip
def test_other_text_is_not_changed(language: str, text: str) -> None:
    assert read_aloud(text, language) == text


def test_text_of_other_languages_is_not_changed() -> None:
    assert read_aloud("13:4-8 € 5,50", "it") == "13:4-8 € 5,50"


def test_regional_codes_are_read_as_their_language() -> None:
    assert read_aloud("3%", "en-US") == "3 percent"
