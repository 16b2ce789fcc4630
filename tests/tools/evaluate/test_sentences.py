"""Lags of sentences, worked out by hand."""

import pytest

from tools.evaluate.captions import Line, displayed
from tools.evaluate.live import Heard
from tools.evaluate.pace import delays_s
from tools.evaluate.sentences import interpreted
from tools.evaluate.strip import page
from tools.evaluate.talks import Sentence, Talk, Timed
from tools.figures import Figure


def words(text: str, start_s: float, each_s: float) -> list[Timed]:
    return [
        Timed(word, start_s + place * each_s, start_s + (place + 1) * each_s)
        for place, word in enumerate(text.split())
    ]


TALK = Talk(
    "nl",
    "en",
    180,
    200.0,
    10.0,
    [
        Sentence(
            words("de lezing begint om tien uur", 1.0, 0.5),
            "De lezing begint om tien uur.",
            "The lecture starts at ten o'clock.",
        ),
        Sentence(
            words("wij drinken koffie in de tuin", 5.0, 0.5),
            "Wij drinken koffie in de tuin.",
            "We drink coffee in the garden.",
        ),
    ],
)


def heard(*said: list[Timed], captions: list[Line] | None = None) -> Heard:
    return Heard("en", captions or [], sum(said, []), [])


def test_lags_count_from_the_spoken_sentence() -> None:
    first, second = interpreted(TALK, heard(words("the lecture starts at ten o'clock", 3.0, 0.25)))
    assert first.came and not second.came
    # "lezing" ended at 2.0, "lecture" began at 3.25.
    assert first.start_lag_s == pytest.approx(1.25)
    # The last of six words ended at 4.5, the sentence at 4.0.
    assert first.end_lag_s == pytest.approx(0.5)
    # Heard 2.25, 2.5 ... 3.5 s after it began, half a second expected for each: up to the fourth,
    # the first to come after the sentence's 3 s: (2.25 + 2.0 + 1.75 + 1.5) / 4.
    assert first.laal_s == pytest.approx(1.875)
    # Tokens of 0.3 s end at 2.3 ... 3.5 s, and stand for those at 0.3 ... 1.5 s.
    assert first.atd_s == pytest.approx(2.0)
    assert (second.start_lag_s, second.end_lag_s) == (None, None)


def test_a_stray_word_does_not_make_a_sentence_early() -> None:
    said = words("please turn lecture starts at ten", 2.5, 0.25)
    assert interpreted(TALK, heard(said))[0].start_lag_s == pytest.approx(3.0 - 2.0)


def test_a_sentence_counts_as_heard_if_half_of_it_was() -> None:
    # Of "lecture", "starts", "ten" and "o'clock".
    assert interpreted(TALK, heard(words("the lecture is at ten", 3.0, 0.25)))[0].came
    assert not interpreted(TALK, heard(words("the lecture is at eleven", 3.0, 0.25)))[0].came


def test_a_translation_in_other_words_counts_as_heard_if_its_caption_was() -> None:
    said = words("a talk begins right now at noon", 3.0, 0.25)
    assert not interpreted(TALK, heard(said))[0].came
    captions = [Line(2.9, 0, "final", "A talk begins right now, at noon.")]
    assert interpreted(TALK, heard(said, captions=captions))[0].came


def test_a_caption_delay_counts_from_the_last_word_said_before_it() -> None:
    lines = [Line(2.2, 0, "partial", "de lezing"), Line(4.5, 0, "final", "de lezing begint")]
    assert delays_s(TALK, displayed(lines).words()) == pytest.approx([0.7, 0.2, 2.0])


def test_the_page_shows_what_was_said_and_heard_and_has_no_scripts() -> None:
    sentences = interpreted(TALK, heard(words("the lecture starts at ten o'clock", 3.0, 0.25)))
    html = page(TALK, {"clause": sentences, "<script>": []}, [Figure("lag", 1.0, "s")])
    assert all(word in html for word in ("lezing", "lecture", "clause"))
    assert "<script" not in html
