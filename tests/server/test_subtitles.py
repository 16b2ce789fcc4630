"""Subtitles as players read them, and when they are shown."""

import numpy as np
import pytest

from server.interpretation.joins import tapered
from server.media.opus import RATE_HZ, Resampler
from server.subtitles import LINE, MOST_S, Cue, readable, spread, srt, vtt
from server.translate.timing import timed
from tests.helpers.starter import starter_engines

LONG = (
    "When the bus from the city arrives in the afternoon, we walk together to the old harbour, "
    "where the guide tells us about the church, the castle and the people who lived here."
)


def test_subrip_is_numbered_and_has_commas() -> None:
    text = srt([Cue(1.5, 3.25, "Good morning."), Cue(3661.0, 3662.0, "Goodbye.")])
    assert text == (
        "1\n00:00:01,500 --> 00:00:03,250\nGood morning.\n\n"
        "2\n01:01:01,000 --> 01:01:02,000\nGoodbye.\n"
    )


def test_webvtt_has_a_head_points_and_no_markup() -> None:
    text = vtt([Cue(1.5, 3.25, "A <b> & an arrow -->")])
    assert text == "WEBVTT\n\n00:00:01.500 --> 00:00:03.250\nA &lt;b&gt; &amp; an arrow --&gt;\n"


@pytest.mark.parametrize("text", [LONG, LONG.replace(",", ""), "word " * 60, "x" * 200])
def test_long_text_is_shown_in_parts_of_two_lines(text: str) -> None:
    cues = list(readable(spread(text, 10.0, 24.0)))
    assert " ".join(cue.text for cue in cues).split() == text.split()
    assert cues[0].start_s == 10 and cues[-1].end_s == pytest.approx(24)
    for one, other in zip(cues, cues[1:], strict=False):
        assert one.end_s <= other.start_s
        assert one.end_s - one.start_s <= MOST_S
    for block in srt(cues).split("\n\n"):
        lines = block.strip().split("\n")[2:]
        assert len(lines) <= 3 and all(len(line) <= LINE for line in lines if " " in line)


def test_parts_are_of_about_one_length_and_end_at_commas() -> None:
    cues = list(readable(spread(LONG, 0.0, 10.0)))
    assert all(cue.text.endswith((",", ".")) for cue in cues)
    assert min(len(cue.text) for cue in cues) > 25


def test_a_short_text_is_shown_as_it_is() -> None:
    assert list(readable(spread("Good morning, all.", 1.0, 2.0))) == [
        Cue(1.0, pytest.approx(2.0), "Good morning, all.")  # type: ignore[arg-type]
    ]
    assert not list(readable(spread("", 1.0, 2.0)))


def test_words_after_a_comma_are_shown_when_they_are_heard() -> None:
    """Compared with the parts of the text, each spoken by itself."""
    voice = starter_engines().synthesizers["en"]
    resampler = Resampler(voice.rate_hz, RATE_HZ)
    pcm = resampler.push(tapered(voice.synthesize(LONG, 1.0), voice.rate_hz))
    words = timed(LONG, pcm, 5.0)
    assert [word.text for word in words] == LONG.split()
    loud = np.abs(pcm.astype(int)) > 500
    silence = np.convolve(loud, np.ones(2400), "same") == 0  # 50 ms
    ends = np.flatnonzero(np.diff(silence.astype(int)) == -1) / RATE_HZ + 0.025 + 5.0
    for before, word in zip(words, words[1:], strict=False):
        if before.text.endswith(","):
            assert np.abs(ends - word.start_s).min() < 0.3
