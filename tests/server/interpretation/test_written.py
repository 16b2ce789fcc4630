import pytest

from server.interpretation.written import WrittenTranslator, written


@pytest.mark.parametrize(
    ("language", "heard", "expected"),
    [
        ("en", "the museum is closed", "The museum is closed."),
        ("en", "where is the museum", "Where is the museum?"),
        ("en", "then i said i'm here", "Then I said I'm here."),
        ("nl", "waarom is het museum dicht", "Waarom is het museum dicht?"),
        ("nl", "ik zei i", "Ik zei i."),
        ("xx", "who knows", "Who knows."),
        ("en", "", ""),
    ],
)
def test_recognised_text_is_rewritten_as_people_write(
    language: str, heard: str, expected: str
) -> None:
    assert written(heard, language) == expected


def test_written_text_is_not_changed() -> None:
    text = "Dr. Who asked: really?"
    assert written(text, "en") == text


def test_only_recognised_text_is_rewritten() -> None:
    class Echo:
        def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
            return f"{source} {target} {prefix} | {text}"

    translated = WrittenTranslator(Echo()).translate("good morning", "en", "nl", "goede")
    assert translated == "en nl goede | Good morning."
