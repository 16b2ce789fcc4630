"""Words wrong of a recogniser, and what it costs: through the server's own adapter."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import jiwer
import numpy as np

from server.interpretation.engines import RecognizerStream
from server.interpretation.types import Pcm
from server.interpretation.vosk_recognizer import VoskRecognizer
from tools.evaluate import material, voices
from tools.evaluate.material import RATE_HZ, Clip, Language
from tools.figures import Figure

CHUNK = RATE_HZ // 10
SENTENCES = 300
QUICK = 40
#: Silence around people's clips, which are cut close.
TAIL = np.zeros(RATE_HZ // 2, np.int16)


class Hearing:
    """A recogniser at work. ``cpu_s`` and ``audio_s``: what it took, for how much sound."""

    def __init__(self, stream: Callable[[], RecognizerStream]) -> None:
        self._stream = stream
        self.cpu_s = 0.0
        self.audio_s = 0.0

    def hear(self, pcm: Pcm) -> str:
        """What is recognised in ``pcm``, a chunk of 100 ms at a time."""
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

    def words_wrong(self, clips: Iterable[Clip]) -> float:
        """Percent of the words said: substituted, left out, put in."""
        said, heard = [], []
        for text, pcm in clips:
            said.append(text)
            heard.append(self.hear(pcm))
        return 100 * float(jiwer.wer(said, heard))


def figures(language: Language, folder: Path, quick: bool) -> Iterator[Figure]:
    """All of one recogniser's. ``folder``: its model."""
    count = QUICK if quick else SENTENCES
    name = f"recognizer.{language}"
    recognizer = VoskRecognizer(folder, language)
    hearing = Hearing(recognizer.stream)
    spoken = list(voices.by_espeak(material.sentences(language, count), language))
    words = vocabulary(folder)
    inside = [clip for clip in spoken if words.issuperset(clip.text.split())]
    yield _wrong(f"{name}.unseen_voices_inside_vocabulary", hearing, inside, 6)
    yield _wrong(f"{name}.unseen_voices", hearing, spoken, 12)
    noisy = list(voices.in_a_noisy_room(spoken))
    yield _wrong(f"{name}.unseen_voices_noisy_room_opus", hearing, noisy, 20)
    yield Figure(f"{name}.vocabulary", len(words), "words")
    yield from _people(name, language, hearing, count)
    if language == "en":
        by_flite = list(voices.by_flite(material.sentences(language, count)))
        yield _wrong(f"{name}.flite_rms", hearing, by_flite, 25)
    share = _share_of_a_core(recognizer, spoken, timed=False)
    yield Figure(f"{name}.real_time_factor", share, "", bound=0.05)
    share = _share_of_a_core(recognizer, spoken, timed=True)
    yield Figure(f"{name}.real_time_factor_with_times", share, "", bound=0.10)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    yield Figure(f"{name}.size", size / 1e6, "MB", bound=25)
    load_s, memory_mb = _loading(folder, language)
    yield Figure(f"{name}.load", load_s, "s", bound=1.5)
    yield Figure(f"{name}.memory", memory_mb, "MB", bound=250)


def _people(name: str, language: Language, hearing: Hearing, count: int) -> Iterator[Figure]:
    every = None if count == SENTENCES else count
    if language == "en":
        clips = material.clips("corpora/librispeech-test-clean-part", "en", every)
        yield _wrong(f"{name}.people_librispeech", hearing, _with_tails(clips), 35)
    else:
        clips = material.clips("corpora/nathalie-nl", "nl", every, held_out=True)
        yield _wrong(f"{name}.people_nathalie", hearing, _with_tails(clips), 40)
    spoken = material.clips("speech", language, every)
    yield _wrong(f"{name}.commands_and_books", hearing, _with_tails(spoken), None)


def _with_tails(clips: Iterable[Clip]) -> list[Clip]:
    return [Clip(text, np.concatenate((TAIL, pcm, TAIL))) for text, pcm in clips]


def _wrong(name: str, hearing: Hearing, clips: list[Clip], bound: float | None) -> Figure:
    return Figure(
        f"{name}.words_wrong", hearing.words_wrong(clips) if clips else None, "%", bound=bound
    )


def _share_of_a_core(recognizer: VoskRecognizer, clips: Iterable[Clip], timed: bool) -> float:
    """To recognise ``clips``, with the times of words asked for whenever they change or not."""
    hearing = Hearing(lambda: recognizer.stream(timed))
    for clip in clips:
        hearing.hear(clip.pcm)
    return hearing.cpu_s / hearing.audio_s


def vocabulary(folder: Path) -> set[str]:
    """The words that the model in ``folder`` can write."""
    lines = (folder / "graph/words.txt").read_text("utf8").splitlines()
    return {line.split()[0] for line in lines} - {"<eps>", "[unk]"}


def _loading(folder: Path, language: str) -> tuple[float, float]:
    """Seconds to load and megabytes held after a second of sound, in a process of its own."""
    command = [sys.executable, "-m", __name__, str(folder), language]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    load_s, memory_mb = done.stdout.split()
    return float(load_s), float(memory_mb)


def _load(folder: Path, language: str) -> None:
    before = _resident_bytes()
    began_s = time.perf_counter()
    recognizer = VoskRecognizer(folder, language)
    load_s = time.perf_counter() - began_s
    Hearing(recognizer.stream).hear(np.zeros(RATE_HZ, np.int16))
    print(load_s, (_resident_bytes() - before) / 1e6)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    _load(Path(sys.argv[1]), sys.argv[2])
