"""Subtitles: SubRip, WebVTT and plain text. No I/O."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

#: Letters on a line, as is usual for films.
LINE: Final = 42


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    text: str


def srt(cues: Sequence[Cue]) -> str:
    """The cues as SubRip."""
    blocks = [
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def vtt(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT (W3C)."""
    blocks = [
        f"{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n"
        f"{escape(_lines(cue.text), quote=False)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


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
