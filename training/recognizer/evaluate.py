"""Measures the word error rate of a recogniser on development speech, with Vosk, in pieces of 100
ms.

    python -m training.recognizer.evaluate --language nl --model DIR [--data DIR] [--sentences 100]

The sentences, voices and people are in no training and in no test. These figures serve to make
choices; the final quality is measured elsewhere, on the test sets.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import jiwer
import numpy as np
import vosk

from training import phrases
from training.data import DATA
from training.espeak import Espeak
from training.recognizer import augment, people, speech, text

Clip = tuple[str, speech.Samples]
"""What is said (normalised) and its samples at 16 kHz."""
_CHUNK = 1600
_UNKNOWN = "[unk]"


def recognise(model: vosk.Model, samples: speech.Samples) -> str:
    """All words that Vosk recognises, from its final results, without unknown words."""
    recognizer = vosk.KaldiRecognizer(model, augment.RATE_HZ)
    pcm = np.clip(samples, -32768, 32767).astype("<i2")
    parts = []
    for start in range(0, len(pcm), _CHUNK):
        if recognizer.AcceptWaveform(pcm[start : start + _CHUNK].tobytes()):
            parts.append(json.loads(recognizer.Result())["text"])
        else:
            recognizer.PartialResult()
    parts.append(json.loads(recognizer.FinalResult())["text"])
    return " ".join(word for part in parts for word in part.split() if word != _UNKNOWN)


def as_clip(spoken: speech.Spoken) -> Clip:
    """A spoken sentence at 16 kHz, with silence around it, and its peak at -9 dBFS."""
    samples = augment.resample(spoken.samples, spoken.rate_hz, augment.RATE_HZ)
    return " ".join(spoken.words), augment.at_level(np.pad(samples, (4800, 6400)), -9)


def in_a_noisy_room(clips: list[Clip]) -> list[Clip]:
    """The audio in a room with 15 dB of noise, through Opus at 24 kbit/s."""
    rng = np.random.default_rng(5)
    return [(said, augment.noisy_room_and_opus(samples, rng)) for said, samples in clips]


def development(
    data: Path, language: phrases.Language, count: int, espeak: Espeak
) -> Iterator[tuple[str, list[Clip]]]:
    """The sets of clips, by name."""
    rng = random.Random(6)
    sentences = [sentence for sentence in text.tatoeba(data, language) if text.is_dev(sentence)]
    chosen = rng.sample(sentences, min(count, len(sentences)))
    clips = []
    for sentence in chosen:
        voice = rng.choice(speech.ACCENTS[language]) + rng.choice(speech.DEV_VARIANTS)
        try:
            clips.append(as_clip(speech.speak(espeak, sentence, voice, rng)))
        except KeyError:
            continue  # a phoneme of another language
    yield "espeak-ng", clips
    yield "espeak-ng, room, noise, Opus", in_a_noisy_room(clips)
    if language == "en":
        yield "flite kal", [as_clip(speech.flite(sentence, "kal")) for sentence in chosen]
    _, dev = people.clips(data, language)
    yield (
        "people",
        [(" ".join(clip.words), np.pad(people.decode(clip.path), (4800, 6400))) for clip in dev],
    )


def measure(
    model: vosk.Model, name: str, clips: list[Clip], known: set[str], shown: int = 0
) -> float:
    """Print and return the word error rates, also for sentences that have only `known` words."""
    said, read = list[str](), list[str]()
    began, audio_s = time.process_time(), 0.0
    for reference, clean in clips:
        samples = augment.dithered(clean, np.random.default_rng(0))
        said.append(reference)
        read.append(recognise(model, samples))
        audio_s += len(samples) / augment.RATE_HZ
        if read[-1] != reference and shown > 0:
            print(f"    said  {reference}\n    heard {read[-1]}")
            shown -= 1
    wrong = float(jiwer.wer(said, read))
    inside = [pair for pair in zip(said, read, strict=True) if known.issuperset(pair[0].split())]
    wrong_inside = float(jiwer.wer([one for one, _ in inside], [other for _, other in inside]))
    print(
        f"{name:32} {sum(map(len, map(str.split, said))):6} words {100 * wrong:5.1f} % wrong, "
        f"inside the vocabulary {100 * wrong_inside:5.1f} %, "
        f"real-time factor {(time.process_time() - began) / audio_s:.3f}",
        flush=True,
    )
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.recognizer.evaluate")
    parser.add_argument("--language", choices=phrases.LANGUAGES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--show", type=int, default=0, help="print so many misread sentences")
    arguments = parser.parse_args()
    vosk.SetLogLevel(-1)
    model = vosk.Model(str(arguments.model))
    lines = (arguments.model / "graph/words.txt").read_text(encoding="utf-8").splitlines()
    known = {line.split()[0] for line in lines}
    sets = development(arguments.data, arguments.language, arguments.sentences, Espeak())
    for name, clips in sets:
        measure(model, name, clips, known, arguments.show)


if __name__ == "__main__":
    main()
