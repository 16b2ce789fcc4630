"""Are no words recognised where nobody speaks, and is quiet speech still recognised?

    python -m tools.evaluate gate [--json] [--quick] [--models FOLDER]

Uses the server's gate and recognisers. For speech, the words that are recognised correctly with the
gate are compared with those recognised without it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import jiwer
import numpy as np

from server.config import STARTER_MODELS
from server.interpretation.engines import RecognizerStream
from server.interpretation.gate import Gate
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.types import Pcm, Transcript
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.models.installed import catalogue_of
from tools.evaluate import material, noises, unseen_voices
from tools.evaluate.material import RATE_HZ, SIDES, Clip, Language
from tools.figures import Figure, measuring_parser, report

CHUNK = RATE_HZ // 10
LEVELS_DBFS = (-20, -35, -50)
NOISE_S, QUICK_NOISE_S = 600, 120
QUIET_DBFS = -40
#: For each kind of speakers.
CLIPS, QUICK_CLIPS = 60, 5
#: Silence before each clip, in which the gate closes.
BETWEEN_S = 2.0
#: The level of pink noise, relative to the speech.
NOISE_DB = -15
PEOPLE = {
    "en": ("corpora/librispeech-test-clean-part", "speech"),
    "nl": ("corpora/nathalie-nl", "speech"),
}


class Meter:
    """A recogniser's stream that counts the samples it gets."""

    pause_samples = None

    def __init__(self, stream: RecognizerStream) -> None:
        self.samples = 0
        self._stream = stream

    def accept(self, pcm: Pcm) -> Transcript | None:
        self.samples += len(pcm)
        return self._stream.accept(pcm)

    def finish(self) -> Transcript | None:
        return self._stream.finish()


def figures(language: Language, folder: Path, quick: bool) -> Iterator[Figure]:
    """All figures of the gate with one recogniser. ``folder``: its model."""
    # If the material is missing, fail before minutes of noise.
    clips = list(quiet_speech(language, QUICK_CLIPS if quick else CLIPS))
    recognizer = VoskRecognizer(folder, language)
    name = f"gate.{language}"
    invented = fed = heard = 0
    for dbfs in LEVELS_DBFS:
        pcm = noises.noises(QUICK_NOISE_S if quick else NOISE_S, dbfs)
        meter = Meter(recognizer.stream())
        invented += len(recognised(Gate(meter, SileroDetector()), pcm).split())
        fed += meter.samples
        heard += len(pcm)
    yield Figure(f"{name}.words_invented", invented, "words", bound=0)
    yield Figure(f"{name}.noise_that_passes", 100 * fed / heard, "%")
    yield _recall(f"{name}.recall_of_quiet_speech", recognizer, clips, bound=98)
    yield _recall(f"{name}.recall_in_noise", recognizer, list(in_noise(clips)))


def recognised(stream: Gate, pcm: Pcm) -> str:
    """All final words."""
    transcripts = [stream.accept(pcm[at : at + CHUNK]) for at in range(0, len(pcm), CHUNK)]
    transcripts.append(stream.finish())
    return " ".join(each.text for each in transcripts if each and each.final and each.text)


def quiet_speech(language: Language, count: int) -> Iterator[Clip]:
    """Clips of synthetic voices that were not used in training, and of people, each after some
    silence."""
    silence = np.zeros(round(BETWEEN_S * RATE_HZ), np.int16)
    spoken: Iterable[Clip] = unseen_voices.by_espeak(material.sentences(language, count), language)
    for people in PEOPLE[language]:
        spoken = chain(spoken, material.clips(people, language, count))
    for text, pcm in spoken:
        yield Clip(text, np.concatenate((silence, at_level(pcm))))


def at_level(pcm: Pcm) -> Pcm:
    """``pcm`` at QUIET_DBFS: the RMS between the first and the last loud sample."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 0.02 * np.abs(pcm).max())
    speech = pcm[loud[0] : loud[-1] + 1].astype(np.float64)
    gain = 32_768 * 10 ** (QUIET_DBFS / 20) / np.sqrt(np.mean(speech**2))
    levelled: Pcm = np.clip(np.round(pcm * gain), -32_768, 32_767).astype(np.int16)
    return levelled


def in_noise(clips: Iterable[Clip]) -> Iterator[Clip]:
    rng = np.random.default_rng(noises.SEED)
    for text, pcm in clips:
        noise = noises.at_rms(noises.pink(len(pcm), rng), QUIET_DBFS + NOISE_DB)
        yield Clip(text, pcm + noise)


def _recall(
    name: str, recognizer: VoskRecognizer, clips: Sequence[Clip], bound: float | None = None
) -> Figure:
    """The percentage of the words recognised without the gate that are also recognised with it."""
    pcm = np.concatenate([clip.pcm for clip in clips])
    said = " ".join(clip.text for clip in clips)
    gated = _hits(said, recognised(Gate(recognizer.stream(), SileroDetector()), pcm))
    whole = _hits(said, recognised(Gate(recognizer.stream(), None), pcm))
    return Figure(name, 100 * gated / whole if whole else None, "%", bound, better="higher")


def _hits(said: str, heard: str) -> int:
    return jiwer.process_words(said, heard).hits if heard else 0


def main(argv: Sequence[str]) -> int:
    """Returns the exit status: 1 when a bound does not hold."""
    parser = measuring_parser("tools.evaluate gate", __doc__)
    parser.add_argument("--models", type=Path, default=STARTER_MODELS)
    options = parser.parse_args(argv)
    catalogue = catalogue_of(str(options.models), Path())
    found = [
        figure
        for language in SIDES
        if language in catalogue.recognizers
        for figure in figures(
            language, catalogue.path(catalogue.recognizers[language]), options.quick
        )
    ]
    return report(found, as_json=options.json, quick=options.quick)
