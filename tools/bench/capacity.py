"""How many streams and languages can this machine interpret with models of full size?

Measured without such models, by stand-ins with random weights (training/stand_ins) and the shapes
of a small Vosk model, an OPUS-MT model and a Piper voice of "medium" size. The starter models are
measured on the same text and sound. Every translation is forced to the length of the reference.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from server.config import STARTER_MODELS
from server.demo import clip
from server.interpretation.ctranslate2_translator import END, CTranslate2Translator
from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.media.opus import RATE_HZ, Pcm, Resampler
from server.models.catalogue import Catalogue
from tools.figures import Figure

SOURCE, TARGET = "nl", "en"
#: The pace of a speaker, and the pause after a sentence.
WORDS_PER_S = 180 / 60
PAUSE_S = 0.6
RECOGNIZER_HZ = 16_000
CHUNK = RECOGNIZER_HZ // 10
ROUNDS, QUICK_ROUNDS = 5, 1


class Engines(NamedTuple):
    recognizer: VoskRecognizer
    translator: CTranslate2Translator
    synthesizer: PiperSynthesizer


class Work(NamedTuple):
    """Sentences: their sound at 16 kHz, their texts and their translations."""

    pcm: Pcm
    said: list[str]
    heard: list[str]

    @property
    def spoken_s(self) -> float:
        """The time that speaking them takes at the usual pace."""
        return sum(len(text.split()) for text in self.said) / WORDS_PER_S


async def run(quick: bool) -> list[Figure]:
    # Imported here, because the distribution, which has the other benchmarks, lacks training.
    from training.stand_ins import recognizer, translation, voice

    catalogue = Catalogue.load(STARTER_MODELS)
    model = catalogue.translations[SOURCE, TARGET]
    ours = {
        "recognizer": catalogue.path(catalogue.recognizers[SOURCE]),
        "translation": catalogue.path(model),
        "voice": catalogue.path(catalogue.voices[TARGET]),
    }
    with tempfile.TemporaryDirectory() as folder:
        full = {name: Path(folder) / name for name in ours}
        recognizer.write(ours["recognizer"], full["recognizer"])
        translation.write(ours["translation"], full["translation"])
        voice.write(ours["voice"], full["voice"])
        tags = sorted({target for _, target in model.pairs}) if model.target_tags else []
        sizes = {"starter": _load(ours, tags), "full_size": _load(full, [])}
    found = _measured(sizes, _work(), QUICK_ROUNDS if quick else ROUNDS)
    return [figure for size, stages in found.items() for figure in _figures(size, stages)]


def _load(folders: Mapping[str, Path], tagged_targets: Sequence[str]) -> Engines:
    return Engines(
        VoskRecognizer(folders["recognizer"], SOURCE),
        CTranslate2Translator(folders["translation"], tagged_targets),
        PiperSynthesizer(folders["voice"], TARGET),
    )


def _work() -> Work:
    """The clip of the demonstration, with shorter pauses."""
    resampler = Resampler(RATE_HZ, RECOGNIZER_HZ)
    whole = np.concatenate((resampler.push(clip(SOURCE)), resampler.flush()))
    described = json.loads(Path(f"server/demo/{SOURCE}.json").read_text(encoding="utf8"))
    parts = [
        whole[round(each["start_s"] * RECOGNIZER_HZ) :][
            : round((each["end_s"] - each["start_s"] + PAUSE_S) * RECOGNIZER_HZ)
        ]
        for each in described["phrases"]
    ]
    texts = [(each["text"], each["translation"]) for each in described["phrases"]]
    return Work(np.concatenate(parts), [said for said, _ in texts], [heard for _, heard in texts])


def _measured(sizes: Mapping[str, Engines], work: Work, rounds: int) -> dict[str, dict[str, float]]:
    """CPU seconds per second of speech, by size and stage: the minimum of several rounds, in
    which the sizes take turns."""
    lasts_s = len(work.pcm) / RECOGNIZER_HZ
    found: dict[str, dict[str, float]] = {size: {} for size in sizes}
    for _ in range(rounds):
        for size, (hears, translates, speaks) in sizes.items():
            costs = {
                "recognize": _cpu_s(partial(_recognize, hears, work.pcm)) / lasts_s,
                "translate": _cpu_s(partial(_translate, translates, work)) / work.spoken_s,
                "synthesize": _cpu_s(partial(_synthesize, speaks, work.heard)) / work.spoken_s,
            }
            for stage, cpu_s in costs.items():
                found[size][stage] = min(cpu_s, found[size].get(stage, cpu_s))
    return found


def _cpu_s(task: Callable[[], None]) -> float:
    """The processor time that ``task`` takes, in all threads."""
    began_s = time.process_time()
    task()
    return time.process_time() - began_s


def _recognize(hears: VoskRecognizer, pcm: Pcm) -> None:
    stream = hears.stream()
    for start in range(0, len(pcm), CHUNK):
        stream.accept(pcm[start : start + CHUNK])
    stream.finish()


def _translate(translates: CTranslate2Translator, work: Work) -> None:
    """Translate with greedy search, as the server does, to a forced length, because random weights
    never end a sentence."""
    for said, heard in zip(work.said, work.heard, strict=True):
        pieces = [*translates.source.encode(said, out_type=str), END]
        length = len(translates.target.encode(heard)) + 1
        translates.model.translate_batch(
            [pieces], beam_size=1, min_decoding_length=length, max_decoding_length=length
        )


def _synthesize(speaks: PiperSynthesizer, texts: Sequence[str]) -> None:
    for text in texts:
        speaks.synthesize(text, 1.0)


def _figures(size: str, stages: Mapping[str, float]) -> Iterator[Figure]:
    for stage, cpu_s in stages.items():
        yield Figure(f"capacity.{size}.{stage}", cpu_s, "CPU s/s")
    language = stages["translate"] + stages["synthesize"]
    yield Figure(
        f"capacity.{size}.languages_of_one_stream_on_a_core",
        max(0.0, 1 - stages["recognize"]) / language,
        "",
        better="higher",
    )
    yield Figure(
        f"capacity.{size}.streams_of_one_language_on_a_core",
        1 / (stages["recognize"] + language),
        "",
        better="higher",
    )
