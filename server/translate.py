"""``tolk translate``: interprets a sound file into another, without a server, as fast as it can."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from server.bus.messages import RATE_HZ
from server.config import Config
from server.interpretation.engines import EngineError
from server.interpretation.gate import Gate
from server.interpretation.hesitations import without_hesitations
from server.interpretation.loading import load
from server.interpretation.pacing import Pacing
from server.interpretation.policies import POLICIES
from server.interpretation.segmenter import Segmenter
from server.interpretation.shared import Engines
from server.interpretation.types import Clause, Pcm, Transcript
from server.media.files import SoundFile, SoundFileError, WavWriter
from server.models.installed import catalogue_of

#: The recogniser gets pieces of this length.
CHUNK_SAMPLES = RATE_HZ // 5


def run(config: Config, file: Path, source: str, target: str, output: Path) -> int:
    """Interpret ``file`` into ``output``; returns an exit status.

    Each clause begins where it was spoken, or after the one before it. Raises ModelError.
    """
    catalogue = catalogue_of(config.models, Path(config.state), config.recognizer)
    if target not in catalogue.targets(source):
        known = [f"{each} to {', '.join(catalogue.targets(each))}" for each in catalogue.sources]
        print(
            f"tolk: no models from {source!r} to {target!r}; there are: {'; '.join(known)}",
            file=sys.stderr,
        )
        return 2
    engines = load(catalogue, config.device)
    voice = engines.synthesizers[target]
    pacing = Pacing()
    try:
        with SoundFile(file, RATE_HZ) as sound, WavWriter(output, voice.rate_hz) as wav:
            for clause in _clauses(sound, engines, source):
                now = clause.start_sample
                try:
                    text = engines.translator.translate(clause.text, source, target)
                    pcm = voice.synthesize(text, pacing.length_scale(now, now))
                except EngineError as error:  # it costs this clause, here as in a server
                    print(f"tolk: left out at {now // RATE_HZ} s: {error}", file=sys.stderr)
                    continue
                if len(pcm):
                    start = pacing.place(now, clause.segment, len(pcm) * RATE_HZ // voice.rate_hz)
                    silence = start * voice.rate_hz // RATE_HZ - wav.samples
                    wav.write(np.zeros(max(0, silence), np.int16))
                    wav.write(pcm)
    except (SoundFileError, OSError) as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 1
    print(f"The interpretation is in {output}.")
    return 0


def _clauses(sound: SoundFile, engines: Engines, source: str) -> Iterator[Clause]:
    """The clauses spoken in the file. Shows a progress bar on standard error."""
    segmenter = Segmenter(source, policy=POLICIES["sentence"])  # there is no hurry
    detector = engines.detector() if engines.detector else None
    stream = Gate(engines.recognizers[source].stream(), detector)
    seconds = round(sound.duration_s) or None
    with tqdm(total=seconds, unit="s", disable=not sys.stderr.isatty()) as bar:
        heard = 0
        for chunk in _pieces(sound):
            heard += len(chunk)
            transcript = _meant(stream.accept(chunk), source)
            yield from _only_clauses(segmenter.feed(transcript, heard, stream.quiet_samples))
            bar.update(heard // RATE_HZ - bar.n)
        yield from _only_clauses(segmenter.feed(_meant(stream.finish(), source), heard))


def _meant(transcript: Transcript | None, language: str) -> Transcript | None:
    return transcript and without_hesitations(transcript, language)


def _only_clauses(news: Sequence[object]) -> Iterator[Clause]:
    return (each for each in news if isinstance(each, Clause))


def _pieces(sound: SoundFile) -> Iterator[Pcm]:
    waiting: Pcm = np.zeros(0, np.int16)
    for pcm in sound:
        waiting = np.concatenate([waiting, pcm])
        while len(waiting) >= CHUNK_SAMPLES:
            yield waiting[:CHUNK_SAMPLES]
            waiting = waiting[CHUNK_SAMPLES:]
    yield waiting
