"""The shipped models and clips."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import jiwer
import numpy as np

import server
from server.bus.messages import RATE_HZ
from server.config import STARTER_MODELS
from server.interpretation.loading import load
from server.interpretation.shared import Engines
from server.interpretation.types import Pcm
from server.models.catalogue import Catalogue

DEMO = Path(server.__file__).parent / "demo"


@dataclass(frozen=True)
class Phrase:
    """A phrase of a clip, and its ``translation`` into the other language."""

    text: str
    start_s: float
    end_s: float
    translation: str


@dataclass(frozen=True)
class Clip:
    """Speech at 16 kHz and its phrases."""

    pcm: Pcm
    phrases: list[Phrase]

    @property
    def text(self) -> str:
        return " ".join(phrase.text for phrase in self.phrases)

    @property
    def translation(self) -> str:
        return " ".join(phrase.translation for phrase in self.phrases)


def demo_clip(language: str) -> Clip:
    phrases = json.loads((DEMO / f"{language}.json").read_text(encoding="utf-8"))["phrases"]
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    with av.open(str(DEMO / f"{language}.opus")) as container:
        frames = [
            made.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for made in resampler.resample(frame)
        ]
    pcm = np.concatenate(frames).astype(np.int16)
    return Clip(pcm, [Phrase(**phrase) for phrase in phrases])


@cache
def starter_engines() -> Engines:
    """The engines of the shipped models, loaded once for all tests of a process."""
    return load(Catalogue.load(STARTER_MODELS))


def plain(text: str) -> str:
    """``text`` as a recogniser writes: lower case, no punctuation."""
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower()).split())


def error_rate(said: str, heard: str) -> float:
    """The word error rate, 1 for all words."""
    return float(jiwer.wer(plain(said), plain(heard)))
