"""Which language is decided on, and when."""

from collections.abc import Mapping

import numpy as np
import pytest

from server.bus.messages import AUTO, RATE_HZ
from server.interpretation.spoken import BIAS, LEARNT, MARGIN, WINDOW, Spoken, Verdict
from server.interpretation.types import Pcm

#: A second of each; "?" is speech that could be Dutch or English, "." a second of none.
SOUNDS = ["nl", "en", "fr", "?"]


def identified(pcm: Pcm) -> Mapping[str, float]:
    """The share of each language in a window, as who has heard more English would tell it."""
    shares = {language: float(np.mean(pcm == i)) for i, language in enumerate(SOUNDS)}
    unknown = shares.pop("?") / 2
    shares = {"nl": shares["nl"] + unknown, "en": shares["en"] + unknown, "fr": shares["fr"]}
    told = {each: share * LEARNT[each] ** BIAS for each, share in shares.items()}
    return {each: likely / sum(told.values()) for each, likely in told.items()}


def tell(
    story: str, expected: str = "nl", among: tuple[str, ...] = ("nl", "en")
) -> list[tuple[float, Verdict]]:
    """Every verdict on ``story``, "5nl 3. 2en" for so many seconds of each, and when it comes."""
    spoken, told, sample = Spoken(expected), [], 0
    for part in story.split():
        seconds, language = int(part.rstrip("nlefr?.")), part.lstrip("0123456789")
        for _ in range(seconds * 10):
            if language != ".":
                spoken.hear(sample, np.full(RATE_HZ // 10, SOUNDS.index(language), np.int16))
            sample += RATE_HZ // 10
            if spoken.due:
                window = spoken.window()
                assert len(window) == WINDOW
                if verdict := spoken.judge(identified(window), among):
                    told.append((sample / RATE_HZ, verdict))
    return told


def changes(story: str, expected: str = "nl") -> list[tuple[float, str]]:
    """When which other language is told than before."""
    found, before = [], expected
    for at_s, verdict in tell(story, expected):
        if verdict.language != before:
            found.append((at_s, verdict.language))
            before = verdict.language
    return found


@pytest.mark.parametrize(
    ("story", "expected", "told"),
    [
        pytest.param("30nl", "nl", [], id="as expected"),
        pytest.param("3en", AUTO, [(3, "en")], id="three seconds decide"),
        pytest.param("2en 10. 1en", AUTO, [(13, "en")], id="of speech"),
        pytest.param("5? 1nl", AUTO, [(6, "nl")], id="what is not clear is waited for, not long"),
        pytest.param("3? 3nl", AUTO, [(5, "nl")], id="and asked about again every second"),
        pytest.param("6fr", AUTO, [], id="none of those in question"),
        pytest.param("3en 6nl", AUTO, [(3, "en"), (9, "nl")], id="decided and changed"),
        pytest.param("6en", "nl", [(6, "en")], id="six seconds change"),
        pytest.param("9nl 9en", "nl", [(17, "en")], id="after a sure look eight at most"),
        pytest.param("9nl 6fr 9nl", "nl", [], id="too short to be told"),
        pytest.param("9nl 9fr", "nl", [(18, "fr")], id="something else altogether"),
        pytest.param("9nl 3en 30nl", "nl", [], id="a quotation"),
        pytest.param("9nl 4en 30nl", "nl", [], id="a longer one"),
        pytest.param("3nl 3en 3nl 3en 3nl 3en", "nl", [], id="to and fro"),
        pytest.param("3nl 4en 2? 3en", "nl", [], id="what is not clear starts the count anew"),
        pytest.param("6en 3nl", "nl", [(6, "en"), (9, "nl")], id="back needs one window"),
    ],
)
def test_another_language_is_reported_after_enough_speech(
    story: str, expected: str, told: list[tuple[float, str]]
) -> None:
    assert changes(story, expected) == told


def test_a_report_is_repeated() -> None:
    assert [at_s for at_s, _ in tell("18en")] == [6, 9, 12, 15, 18]


@pytest.mark.parametrize(
    ("story", "expected", "from_s"),
    [
        ("5. 3en", AUTO, 5),
        ("5. 2? 3. 3? 2en", AUTO, 5),
        ("3nl 2. 9en", "nl", 5),
        ("9nl 1. 9en", "nl", 10),
        ("11nl 9en", "nl", 11),
    ],
)
def test_the_report_says_where_the_language_began(story: str, expected: str, from_s: int) -> None:
    _, verdict = next(each for each in tell(story, expected) if each[1].language == "en")
    assert from_s * RATE_HZ - MARGIN <= verdict.sample <= from_s * RATE_HZ


def test_a_regional_code_counts_as_its_language() -> None:
    assert [verdict.language for _, verdict in tell("3en", AUTO, ("nl", "en-GB"))] == ["en-GB"]


def test_an_identifier_without_the_languages_decides_nothing() -> None:
    assert tell("9en", AUTO, ("ja", "zh")) == []


def test_an_accent_is_not_reported_as_another_language() -> None:
    spoken = Spoken("en")
    for start in range(0, 10 * WINDOW, WINDOW):
        spoken.hear(start, np.zeros(WINDOW, np.int16))
        spoken.window()
        assert spoken.judge({"en": 0.7, "nl": 0.18}, ("nl", "en")) is None
