"""How often is the language of 3 s of people's speech identified correctly?

Uses the server's gate, windows and hysteresis. The thresholds in ``spoken`` were tuned on other
English speakers, and on other sentences of the same Dutch and German speakers.
"""

import json
import random
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

import numpy as np

from server.interpretation.engines import LanguageIdentifier
from server.interpretation.gate import Gate
from server.interpretation.identifying import Deaf
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.spoken import Spoken, likeliest
from server.interpretation.types import Pcm
from server.media.files import SoundFile
from server.media.opus import joined
from tools.evaluate import material
from tools.evaluate.material import RATE_HZ
from tools.figures import Figure

CHUNK: Final = RATE_HZ // 10
#: Silence after each clip.
BETWEEN_S: Final = 0.4
#: For each kind of speakers.
WINDOWS, QUICK_WINDOWS = 100, 20
AMONG: Final = ("nl", "en", "de")
#: Folders of speech. If the first half of one was used for tuning, only the second half is used.
PEOPLE: Final = {
    "nl": ("nathalie-nl", "flemishguy-nl"),
    "en": ("librispeech-test-clean-part",),
    "de": ("kerstin-de",),
}
WHOLE: Final = frozenset(("librispeech-test-clean-part", "librispeech-train", "kathleen-en"))


class Identified(NamedTuple):
    """One window: the likeliest of the languages, and the processor time. ``told``: the wrong
    language that would be reported, after hysteresis."""

    language: str
    told: str | None
    cpu_s: float


def figures(identifier: LanguageIdentifier, quick: bool = False) -> Iterator[Figure]:
    """The figures for speakers of each language."""
    cost_s = []
    for language, folders in PEOPLE.items():
        found = [
            each
            for folder in folders
            for each in identified(
                identifier,
                speech(folder),
                language,
                (QUICK_WINDOWS if quick else WINDOWS) // len(folders),
            )
        ]
        right = 100 * sum(each.language == language for each in found) / len(found)
        name = f"hearing.language_from_3s.{language}"
        yield Figure(name, right, "%", bound=95, better="higher")
        wrongly = sum(each.told is not None for each in found)
        yield Figure(f"hearing.language_wrongly_told.{language}", wrongly, "", bound=0)
        cost_s += [each.cpu_s for each in found]
    yield Figure("hearing.language_cpu", 1000 * median(cost_s), "ms")


def identified(
    identifier: LanguageIdentifier,
    sound: Iterator[Pcm],
    language: str,
    windows: int,
    among: Sequence[str] = AMONG,
) -> Iterator[Identified]:
    """Identify consecutive windows of ``sound``, in which ``language`` is spoken."""
    gate, spoken, sample = Gate(Deaf(), SileroDetector()), Spoken(language), 0
    for piece in sound:
        gate.accept(piece)
        if gate.speaks:
            spoken.hear(sample, piece)
        sample += len(piece)
        if not spoken.due:
            continue
        began_s = time.process_time()
        found = identifier.identify(spoken.window())
        cpu_s = time.process_time() - began_s
        verdict = spoken.judge(found, among)
        yield Identified(
            likeliest(found, {each: each for each in among})[0],
            verdict.language if verdict and verdict.language != language else None,
            cpu_s,
        )
        windows -= 1
        if not windows:
            return
    raise ValueError(f"too little speech in {language}: {windows} windows are missing")


def speech(folder: str, tuning: bool = False) -> Iterator[Pcm]:
    """The clips of a folder in random order, each with a pause after it, in pieces of 100 ms.
    ``tuning``: those that may be used to tune thresholds."""
    root = material.folder() / "corpora" / folder
    rows = [json.loads(line) for line in (root / "manifest.jsonl").read_text("utf8").splitlines()]
    if folder not in WHOLE:
        half = len(rows) // 2
        rows = rows[:half] if tuning else rows[half:]
    pause = np.zeros(round(BETWEEN_S * RATE_HZ), np.int16)
    rest: Pcm = pause[:0]
    for row in random.Random(17).sample(rows, len(rows)):
        with SoundFile(root / row["file"], RATE_HZ) as file:
            rest = np.concatenate((rest, joined(list(file)), pause))
        whole = len(rest) // CHUNK * CHUNK
        yield from rest[:whole].reshape(-1, CHUNK)
        rest = rest[whole:]
