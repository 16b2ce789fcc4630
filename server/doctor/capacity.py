"""Which languages the models make possible, and for how many at once the cores are enough.

The models are loaded and measured on a clip that comes with Tolk. The rule is that of the server,
which admits what fits into a share of the cores (``streams.admission``).
"""

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

import numpy as np

from server import app, machine
from server.config import Config
from server.demo import clip
from server.doctor.findings import Finding
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.shared import Engines
from server.media.opus import RATE_HZ, Resampler
from server.models.catalogue import Catalogue
from server.models.listing import unclear_voices
from server.process import rss_bytes
from server.streams.admission import BUSY

T = TypeVar("T")

#: So much of a clip is recognised, and a translation is made of this text.
HEARD_S: Final = 6.0
TEXTS: Final = {
    "nl": "goedemorgen allemaal vandaag spreken wij over de toekomst van onze stad",
    "en": "good morning everyone today we will talk about the future of our town",
}
#: The pace of a speaker.
WORDS_PER_S: Final = 2.5
#: A sentence that grows is translated about so often (``--policy prefix``).
AGAIN: Final = 3
#: An interpreter takes so much more than its models alone: in docs/benchmarks.md 0.11 cores, where
#: this measures 0.07.
MORE: Final = 1.6
CHUNK: Final = 1600
RECOGNIZER_HZ: Final = 16_000


class Cost(NamedTuple):
    """The cores that recognising one speaker and interpreting into one language take, and the
    memory of an interpreter, in bytes. ``pair``: what was measured. ``targets``: the number of
    languages into which the models interpret."""

    pair: tuple[str, str]
    targets: int
    hear: float
    interpret: float
    takes: int


def models(catalogue: Catalogue) -> list[Finding]:
    """The languages, and which models recognise them."""
    if not catalogue.sources:
        text = "no language can be recognised and interpreted into another"
        advice = "python -m server models pull nl en (the languages that you need)"
        return [Finding("models", "problem", text, advice)]
    found = [
        Finding(
            "models",
            "ok",
            f"{source} is interpreted into {', '.join(catalogue.targets(source))}; "
            f"{catalogue.recognizers[source].name} recognises it",
        )
        for source in catalogue.sources
    ]
    small = [
        source
        for source in catalogue.sources
        if catalogue.recognizers[source].name.startswith("recognizer-")
    ]
    if small:
        text = f"the shipped recognisers of {', '.join(small)} get a third of people's words wrong"
        found.append(Finding("models", "note", text, "python -m server models recommend"))
    return found + [Finding("models", "note", text) for text in unclear_voices(catalogue)]


def measured(config: Config) -> Cost:
    """Load the models and measure them. Takes seconds. Raises ModelError or EngineError."""
    before = rss_bytes()
    engines = app.engines(config)()
    catalogue = engines.catalogue
    assert catalogue is not None
    known = [source for source in catalogue.sources if source in TEXTS]
    if not known:
        raise ModelError(f"there is text and sound to measure with in {', '.join(TEXTS)} only")
    source = known[0]
    target = catalogue.targets(source)[0]
    hear = _hear(engines, source)
    interpret = _interpret(engines, source, target, AGAIN if config.policy == "prefix" else 1)
    takes, targets = rss_bytes() - before, len(catalogue.targets(source))
    return Cost((source, target), targets, MORE * hear, MORE * interpret, takes)


def _hear(engines: Engines, source: str) -> float:
    resampler = Resampler(RATE_HZ, RECOGNIZER_HZ)
    pcm = np.concatenate((resampler.push(clip(source)), resampler.flush()))
    pcm = pcm[: round(HEARD_S * RECOGNIZER_HZ)]
    stream = engines.recognizers[source].stream()

    def recognise() -> None:
        for start in range(0, len(pcm), CHUNK):
            stream.accept(pcm[start : start + CHUNK])
        stream.finish()

    return _cpu_s(recognise)[0] / (len(pcm) / RECOGNIZER_HZ)


def _interpret(engines: Engines, source: str, target: str, again: int) -> float:
    text = TEXTS[source]
    spoken_s = len(text.split()) / WORDS_PER_S
    translate_s, said = min(
        (_cpu_s(lambda: engines.translator.translate(text, source, target)) for _ in range(2))
    )
    voice = engines.synthesizers[target]
    speak_s = min(_cpu_s(lambda: voice.synthesize(said, 1.0).size)[0] for _ in range(2))
    return (again * translate_s + speak_s) / spoken_s


def _cpu_s(task: Callable[[], T]) -> tuple[float, T]:
    """The CPU time that ``task`` takes in all threads, in seconds, and what it returns."""
    began_s = time.process_time()
    made = task()
    return time.process_time() - began_s, made


def cores(config: Config, cost: Cost | None) -> Iterator[Finding]:
    """For how many languages the cores are enough."""
    there = machine.cores()
    if cost is None:
        yield Finding("cores", "ok", f"{there:g} can be used")
        return
    most = languages(there, cost)
    source, target = cost.pair
    enough = f"enough for about {most} of {cost.targets} languages of one speaker"
    if most >= cost.targets:
        speakers = int(BUSY * there / (cost.hear + cost.targets * cost.interpret))
        enough = f"enough for all {cost.targets} languages of about {speakers} speakers at once"
    text = (
        f"{there:g} can be used; recognising {source} takes about {cost.hear:.2f} of them, and "
        f"interpreting into {target} {cost.interpret:.2f}: {enough}"
    )
    if most < 1:
        advice = "use smaller models (--recognizer vosk, or --models starter), or more cores"
        yield Finding("cores", "problem", text, advice)
    elif config.max_languages > most:
        yield Finding("cores", "note", text, f"--max-languages is {config.max_languages}: lower it")
    else:
        yield Finding("cores", "ok", text)


def languages(there: float, cost: Cost) -> int:
    """How many languages of one speaker fit, as the server admits them."""
    return max(0, int((BUSY * there - cost.hear) / max(1e-6, cost.interpret)))


def looked_at(config: Config) -> tuple[Cost | None, list[Finding]]:
    """``measured``, with a finding where that fails."""
    try:
        return measured(config), []
    except (ModelError, EngineError) as error:
        return None, [Finding("cores", "note", f"the models could not be measured: {error}")]
