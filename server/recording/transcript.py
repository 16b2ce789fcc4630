"""Makes subtitles and text of a recording's captions: a file for each language and format.

The functions wait for the disk: they are not for the event loop.
"""

import contextlib
import os
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from server.decoding import understood
from server.recording.files import CAPTIONS, Line
from server.subtitles import LEAST_S, Cue, srt, txt, vtt

FORMATS: Final = {"vtt": vtt, "srt": srt, "txt": txt}

_lines: Final = msgspec.json.Decoder(Line)


def write(folder: Path) -> None:
    """Write the transcripts of the recording in ``folder``, in place of earlier ones. Raises
    OSError; each file is whole, or not there. See ``is_whole``."""
    lines = latest(folder / CAPTIONS)
    for ending in reversed(FORMATS):
        for language in sorted({line.language for line in lines}):
            cues = _cues([line for line in lines if line.language == language])
            _write(folder / f"{language}.{ending}", FORMATS[ending](cues).encode())


def is_whole(names: Collection[str]) -> bool:
    """Whether these files of a recording include all transcripts: those of the first format are
    written last, in each language."""
    first, *_, last = (sum(name.endswith(f".{ending}") for name in names) for ending in FORMATS)
    return 0 < first == last


def latest(file: Path) -> list[Line]:
    """The last revision of each line, by time. A line that is not whole, because the server was
    killed, or is damaged, is left out. Raises OSError."""
    found: dict[tuple[str, int], Line] = {}
    for data in file.read_bytes().splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            line = understood(_lines, data)
            key = (line.language, line.segment)
            if key not in found or line.revision >= found[key].revision:
                found[key] = line
    return sorted(found.values(), key=lambda line: (line.times_ms, line.segment))


def _cues(lines: Sequence[Line]) -> list[Cue]:
    """The lines as cues of at least LEAST_S, unless the next one comes before."""
    cues = [Cue(line.times_ms[0] / 1000, line.times_ms[1] / 1000, line.text) for line in lines]
    starts = [*(after.start_s for _, after in pairwise(cues)), float("inf")]
    return [
        Cue(cue.start_s, max(cue.end_s, min(cue.start_s + LEAST_S, next_s)), cue.text)
        for cue, next_s in zip(cues, starts, strict=True)
    ]


def _write(file: Path, data: bytes) -> None:
    draft = file.with_name(f".{file.name}.part")  # after a kill it must not look like a transcript
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
