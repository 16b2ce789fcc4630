"""The errors and the cost of a recogniser, used as the server uses it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np

from server.interpretation.engines import RecognizerStream
from server.interpretation.types import Pcm
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.process import rss_bytes
from tools.evaluate import material, unseen_voices
from tools.evaluate.material import RATE_HZ, Clip, Language
from tools.figures import Figure
from training.recognizer.text import is_held_out

CHUNK = RATE_HZ // 10
SENTENCES = 300
QUICK = 10
#: The number of clips with which time is measured.
TIMED = 40
#: Silence around the clips of people, which have none of their own.
TAIL = np.zeros(RATE_HZ // 2, np.int16)


class Hearing:
    """A recogniser at work. ``cpu_s``: processor time used; ``audio_s``: sound recognised."""

    def __init__(self, stream: Callable[[], RecognizerStream]) -> None:
        self._stream = stream
        self.cpu_s = 0.0
        self.audio_s = 0.0

    def hear(self, pcm: Pcm) -> str:
        """The text recognised in ``pcm``, which is fed in chunks of 100 ms."""
        began_s = time.process_time()
        stream = self._stream()
        heard = []
        for start in range(0, len(pcm), CHUNK):
            transcript = stream.accept(pcm[start : start + CHUNK])
            if transcript is not None and transcript.final:
                heard.append(transcript.text)
        last = stream.finish()
        self.cpu_s += time.process_time() - began_s
        self.audio_s += len(pcm) / RATE_HZ
        return " ".join([*heard, last.text if last else ""]).strip()

    def all(self, clips: Iterable[Clip]) -> "Heard":
        """Recognise each clip."""
        pairs = [(text, self.hear(pcm)) for text, pcm in clips]
        return Heard([said for said, _ in pairs], [heard for _, heard in pairs])


class Heard(NamedTuple):
    """What was said in each clip, and what was recognised of it."""

    said: list[str]
    heard: list[str]

    def within(self, words: set[str]) -> "Heard":
        """Only the clips that consist of these words."""
        kept = [pair for pair in zip(*self, strict=True) if words.issuperset(pair[0].split())]
        return Heard([said for said, _ in kept], [heard for _, heard in kept])

    @property
    def words_wrong(self) -> float | None:
        """The word error rate in percent; None if nothing was said."""
        return 100 * float(jiwer.wer(*self)) if self.said else None


class Trial(NamedTuple):
    """What a recogniser heard of one kind of speech. ``bound``: the highest word error rate
    allowed, in percent."""

    name: str
    heard: Heard
    bound: float


def figures(language: Language, folder: Path, quick: bool) -> Iterator[Figure]:
    """All figures of one recogniser. ``folder``: its model."""
    count = QUICK if quick else SENTENCES
    name = f"recognizer.{language}"
    recognizer = VoskRecognizer(folder, language)
    words = vocabulary(folder)
    for trial in trials(recognizer, words, count):
        yield Figure(f"{name}.{trial.name}.words_wrong", trial.heard.words_wrong, "%", trial.bound)
    others = material.clips("speech", language, _all_or(count))
    reported = Hearing(recognizer.stream).all(_with_tails(others))
    yield Figure(f"{name}.commands_and_books.words_wrong", reported.words_wrong, "%")
    yield Figure(f"{name}.vocabulary", len(words), "words")
    cost = _measured(folder, language, min(count, TIMED))
    yield Figure(f"{name}.real_time_factor", cost.share, "", bound=0.05)
    yield Figure(f"{name}.real_time_factor_with_times", cost.share_timed, "", bound=0.10)
    yield Figure(f"{name}.load", cost.load_s, "s", bound=1.5)
    yield Figure(f"{name}.memory", cost.memory_mb, "MB", bound=250)


def trials(recognizer: VoskRecognizer, words: set[str], count: int) -> Iterator[Trial]:
    """The trials that have a bound, with ``count`` clips of each kind. ``words``: the vocabulary of
    the recogniser."""
    language: Language = "en" if recognizer.language == "en" else "nl"
    hearing = Hearing(recognizer.stream)
    spoken = list(unseen_voices.by_espeak(material.sentences(language, count), language))
    heard = hearing.all(spoken)
    yield Trial("unseen_voices_inside_vocabulary", heard.within(words), 6)
    yield Trial("unseen_voices", heard, 12)
    yield Trial(
        "unseen_voices_noisy_room_opus", hearing.all(unseen_voices.in_a_noisy_room(spoken)), 20
    )
    if language == "en":
        people = material.clips("corpora/librispeech-test-clean-part", "en", _all_or(count))
        yield Trial("people_librispeech", hearing.all(_with_tails(people)), 35)
        by_flite = unseen_voices.by_flite(material.sentences(language, count))
        yield Trial("flite_rms", hearing.all(by_flite), 25)
    else:
        people = material.clips("corpora/nathalie-nl", "nl", _all_or(count), is_held_out)
        yield Trial("people_nathalie", hearing.all(_with_tails(people)), 40)


def _all_or(count: int) -> int | None:
    """All clips of people are used, except with --quick."""
    return None if count == SENTENCES else count


def _with_tails(clips: Iterable[Clip]) -> Iterator[Clip]:
    for text, pcm in clips:
        yield Clip(text, np.concatenate((TAIL, pcm, TAIL)))


def _share_of_a_core(recognizer: VoskRecognizer, clips: Iterable[Clip], timed: bool) -> float:
    """The cores used to recognise ``clips``. ``timed``: with the times of words at every change."""
    hearing = Hearing(lambda: recognizer.stream(timed))
    for clip in clips:
        hearing.hear(clip.pcm)
    return hearing.cpu_s / hearing.audio_s


def vocabulary(folder: Path) -> set[str]:
    """The words that the model in ``folder`` can write."""
    lines = (folder / "graph/words.txt").read_text("utf8").splitlines()
    return {line.split()[0] for line in lines} - {"<eps>", "[unk]"}


class Cost(NamedTuple):
    """The cost of a recogniser: the time to load it, its memory after a second of sound, and the
    share of a core to recognise sound in real time, without times of words and with them."""

    load_s: float
    memory_mb: float
    share: float
    share_timed: float


def _measured(folder: Path, language: str, count: int) -> Cost:
    """Measure the cost in a new process."""
    command = [sys.executable, "-m", __name__, str(folder), language, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return Cost(*map(float, done.stdout.split()))


def _measure(folder: Path, language: Language, count: int) -> Cost:
    spoken = list(unseen_voices.by_espeak(material.sentences(language, count), language))
    before = rss_bytes()
    began_s = time.perf_counter()
    recognizer = VoskRecognizer(folder, language)
    load_s = time.perf_counter() - began_s
    Hearing(recognizer.stream).hear(np.zeros(RATE_HZ, np.int16))
    memory_mb = (rss_bytes() - before) / 1e6
    shares = (_share_of_a_core(recognizer, spoken, timed) for timed in (False, True))
    return Cost(load_s, memory_mb, *shares)


if __name__ == "__main__":
    print(*_measure(Path(sys.argv[1]), "en" if sys.argv[2] == "en" else "nl", int(sys.argv[3])))
