"""Subtitles in SubRip and WebVTT, and as text alone. No I/O."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate, pairwise
from typing import Final

#: Letters on a line, as is usual for films.
LINE: Final = 42
#: Letters and seconds of one cue: two lines, and as long as two lines take to be read.
MOST_LETTERS: Final = 2 * LINE
MOST_S: Final = 7.0
#: A line of a live stream is shown for at least so long, or nobody could read a short one.
LEAST_S: Final = 1.2
#: A cue may end at a comma if it has this part of its usual length.
EARLY: Final = 0.6
PAUSES: Final = (",", ".", ";", ":", "?", "!")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    text: str


def spread(text: str, start_s: float, end_s: float) -> list[Cue]:
    """A cue for each word of ``text``, each as long as its letters are of the whole."""
    words = text.split()
    ends = [0, *accumulate(len(word) + 1 for word in words)]
    step_s = (end_s - start_s) / max(1, ends[-1])
    return [
        Cue(start_s + step_s * start, start_s + step_s * end, word)
        for word, (start, end) in zip(words, pairwise(ends), strict=True)
    ]


def readable(words: Sequence[Cue]) -> Iterator[Cue]:
    """The cues for one passage, given as a cue for each word: short enough to be read, of about
    one length, and rather ending where the text has a comma."""
    letters = sum(len(word.text) + 1 for word in words)
    length_s = words[-1].end_s - words[0].start_s if words else 0.0
    usual = letters / max(-(-letters // MOST_LETTERS), -(-length_s // MOST_S), 1)
    kept: list[Cue] = []
    count = 0
    for word in words:
        full = count + len(word.text) > MOST_LETTERS or count >= usual
        comma = bool(kept) and kept[-1].text.endswith(PAUSES) and count >= EARLY * usual
        if kept and (full or comma) and letters > count + len(word.text) + 1:
            yield _joined(kept)
            kept, count = [], 0
        kept.append(word)
        count += len(word.text) + 1
    if kept:
        yield _joined(kept)


def _joined(words: Sequence[Cue]) -> Cue:
    return Cue(words[0].start_s, words[-1].end_s, " ".join(word.text for word in words))


def srt(cues: Sequence[Cue]) -> str:
    """The cues as SubRip."""
    blocks = [
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def vtt(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT (W3C)."""
    return "\n".join(["WEBVTT\n", *(vtt_cue(replace(cue, text=_lines(cue.text))) for cue in cues)])


def vtt_cue(cue: Cue) -> str:
    """One cue of a WebVTT, its text as it is."""
    times = f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}"
    return f"{times}\n{escape(cue.text, quote=False)}\n"


def txt(cues: Sequence[Cue]) -> str:
    """The text alone, a line for each cue."""
    return "".join(f"{cue.text}\n" for cue in cues)


def _lines(text: str) -> str:
    """``text`` on lines of about one length."""
    count = -(-len(text) // LINE)
    width = max(len(text) // max(1, count) + 6, LINE // 2)
    return "\n".join(textwrap.wrap(text, min(width, LINE), break_long_words=False))


def _time(seconds: float, point: str) -> str:
    ms = max(0, round(seconds * 1000))
    clock = f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}"
    return f"{clock}{point}{ms % 1000:03}"
