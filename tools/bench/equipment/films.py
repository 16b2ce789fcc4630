"""A film is interpreted: how far are its subtitles from the sound?

The film says the phrases of the Dutch clip, whose times are known, with pauses of other lengths
each time. Words of the interpretation are found in its sound by a recogniser. A subtitle is
compared if its first word was found there.
"""

import asyncio
import json
import random
import re
import sys
import tempfile
from collections.abc import Sequence
from difflib import SequenceMatcher
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from server import demo
from server.config import STARTER_MODELS
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, Pcm, joined
from server.process import end
from server.subtitles import Cue
from tools.bench.demo import bare
from tools.figures import Figure
from tools.films import Sound, film
from tools.listen import RECOGNIZER_HZ, recognized_words

SOURCE, TARGET = "nl", "en"
SECONDS, QUICK_SECONDS = 110.0, 40.0
#: The first phrase begins so long after the picture. Between two phrases there is so much silence.
BEGIN_S, PAUSE_S = 1.3, (0.7, 2.0)
#: Around a phrase.
EDGE_S = 0.1
LIMIT_S = 600.0
BOUND_S = 0.3


class Said(NamedTuple):
    """A word, and when it begins; None if that is not known."""

    text: str
    start_s: float | None


async def run(quick: bool) -> list[Figure]:
    pcm, said = _talk(QUICK_SECONDS if quick else SECONDS)
    length_s = pcm.size / RATE_HZ
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        movie = film(folder / "film.mkv", Sound(pcm, SOURCE), picture_s=length_s)
        dubbed, captions = folder / "dubbed.wav", folder / "film.srt"
        await _translate(movie, "-o", str(dubbed), "--captions", str(captions))
        shown = {
            TARGET: _cues(captions.read_text(encoding="utf8")),
            SOURCE: _cues((folder / f"film.{SOURCE}.srt").read_text(encoding="utf8")),
        }
        with SoundFile(dubbed, RATE_HZ) as sound:
            words = recognized_words(joined(list(sound)), STARTER_MODELS, TARGET) or []
    heard = {
        TARGET: [Said(word.text, word.start_sample / RECOGNIZER_HZ) for word in words],
        SOURCE: said,
    }
    figures = [Figure("equipment.film.length", length_s, "s")]
    for language, cues in shown.items():
        off_s = off(cues, heard[language])
        prefix = f"equipment.film.{language}"
        p50, p95 = np.percentile(off_s, [50, 95]).tolist() if off_s else (None, None)
        figures += [
            Figure(f"{prefix}.subtitles", len(cues), ""),
            Figure(f"{prefix}.subtitles_compared", len(off_s), "", bound=1, better="higher"),
            Figure(f"{prefix}.off_p50", p50, "s"),
            Figure(f"{prefix}.off_p95", p95, "s", bound=BOUND_S),
        ]
    return figures


def _talk(seconds: float) -> tuple[Pcm, list[Said]]:
    """The sound of about so many seconds, and its words. The time of the first word of each phrase
    is known."""
    file = resources.files(demo) / f"{SOURCE}.json"
    phrases: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf8"))["phrases"]
    clip, rng = demo.clip(SOURCE), random.Random(13)
    parts: list[Pcm] = [np.zeros(round((BEGIN_S - EDGE_S) * RATE_HZ), np.int16)]
    said: list[Said] = []
    samples = parts[0].size
    for number in count():
        phrase = phrases[number % len(phrases)]
        start, stop = (
            round((phrase["start_s"] - EDGE_S) * RATE_HZ),
            round((phrase["end_s"] + EDGE_S) * RATE_HZ),
        )
        pause = np.zeros(round(rng.uniform(*PAUSE_S) * RATE_HZ), np.int16)
        if samples + stop - start + pause.size > seconds * RATE_HZ:
            break
        first, *others = bare(phrase["text"]).split()
        said.append(Said(first, samples / RATE_HZ + EDGE_S))
        said += [Said(word, None) for word in others]
        parts += [clip[start:stop], pause]
        samples += stop - start + pause.size
    parts.append(np.zeros(max(0, round(seconds * RATE_HZ) - samples), np.int16))
    return joined(parts), said


async def _translate(movie: Path, *options: str) -> None:
    """Interpret the film. Raises RuntimeError if that fails, TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "translate", str(movie), "--models", "starter"),
        *("--from", SOURCE, "--to", TARGET, *options),
        stdout=sys.stderr,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            status = await process.wait()
    finally:
        await end(process, 1.0)
    if status:
        raise RuntimeError(f"translate ended with {status}")


def _cues(srt: str) -> list[Cue]:
    found = re.findall(r"(\S+) --> (\S+)\n((?:.+\n?)+)", srt)
    return [Cue(_seconds(start), _seconds(stop), text) for start, stop, text in found]


def _seconds(stamp: str) -> float:
    hours, minutes, rest = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def off(cues: Sequence[Cue], heard: Sequence[Said]) -> list[float]:
    """How far the beginning of each cue is from that of its first word, in seconds, where that word
    was heard and its time is known."""
    words: list[str] = []
    firsts: dict[int, Cue] = {}
    for cue in cues:
        own = bare(cue.text).split()
        if own:
            firsts[len(words)] = cue
            words += own
    matcher = SequenceMatcher(None, words, [word.text for word in heard], autojunk=False)
    found = []
    for start, place, size in matcher.get_matching_blocks():
        for index in range(size):
            at_s = heard[place + index].start_s
            if start + index in firsts and at_s is not None:
                found.append(abs(firsts[start + index].start_s - at_s))
    return found
