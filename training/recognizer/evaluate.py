"""Words wrong of a starter recogniser, read by Vosk in 20 ms pieces.

    python -m training.recognizer.evaluate --language nl --model DIR [--sentences 100]

Sentences are held out from training, and so are the voices.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import vosk
from piper import PiperVoice, SynthesisConfig

from training import phrases
from training.espeak import Espeak
from training.recognizer import augment, speech
from training.tatoeba import sentences_within

Clip = tuple[str, speech.Samples]
"""What is said (normalised) and its samples at 16 kHz."""
_CHUNK = 320


def word_errors(reference: list[str], heard: list[str]) -> int:
    """Substitutions, insertions and deletions between two word lists (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, word in enumerate(heard, 1):
            diagonal, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, diagonal + (expected != word)),
            )
    return row[-1]


def recognise(model: vosk.Model, samples: speech.Samples) -> str:
    """All that Vosk reads, finals joined."""
    recognizer = vosk.KaldiRecognizer(model, augment.RATE_HZ)
    pcm = np.clip(samples, -32768, 32767).astype("<i2")
    parts = []
    for start in range(0, len(pcm), _CHUNK):
        if recognizer.AcceptWaveform(pcm[start : start + _CHUNK].tobytes()):
            parts.append(json.loads(recognizer.Result())["text"])
        else:
            recognizer.PartialResult()
    parts.append(json.loads(recognizer.FinalResult())["text"])
    return " ".join(part for part in parts if part)


def spoken_by_espeak(
    texts: list[str], language: phrases.Language, espeak: Espeak, rng: random.Random
) -> list[Clip]:
    """Texts in voices that no training heard."""
    clips = []
    for text in texts:
        voice = rng.choice(speech.ACCENTS[language]) + rng.choice(speech.UNSEEN_VARIANTS)
        clips.append(_clip(speech.speak(espeak, text, voice, rng)))
    return clips


def _clip(spoken: speech.Spoken) -> Clip:
    samples = augment.resample(spoken.samples, spoken.rate_hz, augment.RATE_HZ)
    return " ".join(spoken.words), augment.at_level(np.pad(samples, (4800, 6400)), -9)


def spoken_by_piper(texts: list[str], voice: Path) -> list[Clip]:
    """Texts in a Piper voice: how well the interpretation itself can be understood."""
    piper = PiperVoice.load(voice)
    settings = SynthesisConfig(normalize_audio=False)
    clips = []
    for text in texts:
        parts = list(piper.synthesize(text, settings))
        samples = np.concatenate([part.audio_float_array for part in parts]) * 32768.0
        said = phrases.normalise(text).split()
        clips.append(_clip(speech.Spoken(samples, parts[0].sample_rate, [], said)))
    return clips


def conditions(clips: list[Clip]) -> Iterator[tuple[str, list[Clip]]]:
    """The same clips clean, in a noisy room, through Opus, loud and quiet."""
    rng = np.random.default_rng(5)
    yield "clean", clips
    wet = [(text, augment.room(samples, rng, 0.3, 0.35)) for text, samples in clips]
    noisy = [(text, augment.noise(samples, rng, 15)) for text, samples in wet]
    yield "room and noise 15 dB", noisy
    yield "Opus 24 kb/s", [(text, augment.opus(samples, 24000)) for text, samples in clips]
    for level in (-6, -35):
        yield f"peak {level} dBFS", [(text, augment.at_level(x, level)) for text, x in clips]


def measure(model: vosk.Model, name: str, clips: list[Clip], shown: int) -> float:
    """Print and return the share of words wrong."""
    wrong = said = 0
    for text, samples in clips:
        heard = recognise(model, samples)
        errors = word_errors(text.split(), heard.split())
        wrong, said = wrong + errors, said + len(text.split())
        if errors and shown > 0:
            print(f"    said  {text}\n    heard {heard}")
            shown -= 1
    print(f"{name:40} {len(clips):4} sentences {said:5} words  {100 * wrong / said:5.1f} % wrong",
          flush=True)  # fmt: skip
    return wrong / said


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.recognizer.evaluate")
    parser.add_argument("--language", choices=phrases.LANGUAGES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--text", type=Path, help="Tatoeba test pairs: free word order")
    parser.add_argument("--voice", type=Path, help="a Piper voice to read too, voice.onnx")
    parser.add_argument("--part", choices=("dev", "held-out"), default="held-out")
    parser.add_argument("--show", type=int, default=0, help="print so many misread sentences")
    arguments = parser.parse_args()
    language: phrases.Language = arguments.language
    vosk.SetLogLevel(-1)
    model = vosk.Model(str(arguments.model))
    rng, espeak = random.Random(6), Espeak()
    side = phrases.LANGUAGES.index(language)
    pairs = phrases.distinct_pairs(rng, arguments.sentences, arguments.part)
    texts = [pair[side] for pair in pairs]

    clips = spoken_by_espeak(texts, language, espeak, rng)
    started = time.process_time()
    for name, spoilt in conditions(clips):
        measure(model, f"unseen espeak-ng voices, {name}", spoilt, arguments.show)
    cpu_s = time.process_time() - started
    audio_s = 5 * sum(len(samples) for _, samples in clips) / augment.RATE_HZ
    if language == "en":
        voice = speech.UNSEEN_FLITE_VOICE
        measure(model, f"flite {voice}", [_clip(speech.flite(t, voice)) for t in texts],
                arguments.show)  # fmt: skip
    if arguments.text:
        free = sentences_within(arguments.text, language)[: arguments.sentences]
        clips = spoken_by_espeak(free, language, espeak, rng)
        measure(model, "free word order (Tatoeba test)", clips, arguments.show)
    if arguments.voice:
        clips = spoken_by_piper(texts, arguments.voice)
        measure(model, f"voice {arguments.voice.parent.name}", clips, arguments.show)
    print(f"real-time factor {cpu_s / audio_s:.3f}")


if __name__ == "__main__":
    main()
