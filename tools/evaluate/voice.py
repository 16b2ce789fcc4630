"""How well a voice is understood, and what it costs: through the server's own adapter."""

import importlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.vosk_recognizer import VoskRecognizer
from tools.evaluate import material
from tools.evaluate.material import RATE_HZ, Clip
from tools.evaluate.recognizer import TAIL, Heard, Hearing, vocabulary
from tools.figures import Figure

SENTENCES, QUICK = 100, 8
#: Drawn from, to find sentences that the recogniser has the words for.
DRAWN = 600
#: Length scales, and the most words that may be read back wrong.
BOUNDS = {1.0: 15, 0.7: 25}


def figures(
    language: str, folder: Path, recognizer: tuple[material.Language, Path] | None, quick: bool
) -> Iterator[Figure]:
    """All of one voice's. ``recognizer``: what reads it back, where there is one."""
    name = f"voice.{language}"
    voice = PiperSynthesizer(folder, language)
    if recognizer is not None:
        for scale, heard in read_back(voice, *recognizer, QUICK if quick else SENTENCES):
            wrong = heard.words_wrong
            yield Figure(f"{name}.read_back_wrong_at_{scale}", wrong, "%", BOUNDS[scale])
        if language == "en":
            texts = _texts(*recognizer)[: QUICK if quick else SENTENCES]
            wrong = by_a_stranger([_said(voice, text, 1.0) for text in texts])
            yield Figure(f"{name}.read_back_wrong_by_a_stranger", wrong, "%")
    began_s = time.process_time()
    samples = sum(len(voice.synthesize(text, 1.0)) for text in SPOKEN)
    took_s = time.process_time() - began_s
    yield Figure(f"{name}.real_time_factor", took_s * voice.rate_hz / samples, "", bound=0.02)


#: Enough for a real-time factor, in whatever language the voice speaks.
SPOKEN = ("Welkom, welcome, willkommen.", "Amsterdam, Berlin, Paris.", "In 1953.") * 10


def read_back(
    voice: PiperSynthesizer, language: material.Language, recognizer: Path, count: int
) -> Iterator[tuple[float, Heard]]:
    """What a recogniser hears of so many sentences at every length scale of BOUNDS."""
    texts = _texts(language, recognizer)[:count]
    hearing = Hearing(VoskRecognizer(recognizer, language).stream)
    for scale in BOUNDS:
        yield scale, hearing.all(_said(voice, text, scale) for text in texts)


def by_a_stranger(clips: Sequence[Clip]) -> float | None:
    """Percent of English words that CMU's PocketSphinx reads back wrong, which learnt from none of
    our voices; None where it is not installed (``pip install pocketsphinx``)."""
    try:
        decoder: Any = importlib.import_module("pocketsphinx").Decoder(loglevel="FATAL")
    except ImportError:
        return None
    heard = []
    for clip in clips:
        decoder.start_utt()
        decoder.process_raw(clip.pcm.tobytes(), False, True)
        decoder.end_utt()
        found = decoder.hyp()
        heard.append(found.hypstr if found is not None else "")
    return Heard([clip.text for clip in clips], heard).words_wrong


def _texts(language: material.Language, recognizer: Path) -> list[str]:
    words = vocabulary(recognizer)
    return [text for text in material.sentences(language, DRAWN) if words.issuperset(text.split())]


def _said(voice: PiperSynthesizer, text: str, scale: float) -> Clip:
    pcm = voice.synthesize(text, scale)
    heard = soxr.resample(pcm, voice.rate_hz, RATE_HZ).astype(np.int16)
    return Clip(text, np.concatenate((TAIL, heard, TAIL)))
