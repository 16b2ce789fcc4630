"""python -m training.voice.measure FOLDER --language nl: measures a finished voice, run by
piper-tts itself.

On sentences of Tatoeba that no voice was trained on, it measures speed on one core, loudness, and
how exactly a length scale is followed. ``tools.evaluate voices`` measures how well a voice is
understood.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

from training.data import DATA, LANGUAGES, Language
from training.voice.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ, Samples, speech_level_dbfs
from training.voice.sentences import real_sentences

LENGTH_SCALES: Final = (0.6, 0.7, 1.0, 1.3)


def load(folder: Path) -> PiperVoice:
    """The voice in `folder`, on one core (PiperVoice.load would use all)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / "voice.onnx"), options, providers=["CPUExecutionProvider"]
    )
    config = json.loads((folder / "voice.onnx.json").read_text(encoding="utf-8"))
    return PiperVoice(session=session, config=PiperConfig.from_dict(config))


def say(voice: PiperVoice, text: str, length_scale: float = 1.0) -> Samples:
    config = SynthesisConfig(normalize_audio=False, length_scale=length_scale)
    chunks = [chunk.audio_float_array for chunk in voice.synthesize(text, config)]
    return np.concatenate(chunks).astype(np.float64)


def quietest_db(samples: Samples) -> float:
    """The level of the quietest 50 ms, in dB of full scale: what is heard in a pause."""
    width = 5 * FRAME_SAMPLES
    whole = samples[: len(samples) // width * width].reshape(-1, width)
    return float(10 * np.log10(np.mean(whole**2, axis=1).min() + 1e-12))


def measure(voice: PiperVoice, texts: list[str]) -> dict[str, float]:
    say(voice, texts[0])  # the first run also allocates
    started = time.process_time()  # CPU time, as the core is shared
    spoken = [say(voice, text) for text in texts]
    elapsed_s = time.process_time() - started
    samples = sum(len(each) for each in spoken)
    levels = [speech_level_dbfs(each) for each in spoken]
    figures = {
        "voice.real_time_factor": elapsed_s / (samples / SAMPLE_RATE_HZ),
        "voice.level_mean_dbfs": float(np.mean(levels)),
        "voice.level_min_dbfs": min(levels),
        "voice.level_max_dbfs": max(levels),
        "voice.peak_dbfs": float(20 * np.log10(max(np.abs(each).max() for each in spoken))),
        "voice.quietest_50ms_dbfs": float(np.median([quietest_db(each) for each in spoken])),
    }
    for scale in LENGTH_SCALES:
        scaled = sum(len(say(voice, text, scale)) for text in texts)
        figures[f"voice.length_ratio_at_{scale}"] = scaled / samples
    return figures


def figures_of(folder: Path, language: Language, data: Path, count: int) -> dict[str, float]:
    """All figures of the voice in `folder`, by name, measured on `count` sentences."""
    _, unseen = real_sentences(language, data)
    random.Random(7).shuffle(unseen)
    return measure(load(folder), unseen[:count])


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.voice.measure", description=__doc__)
    parser.add_argument("folder", type=Path, help="of voice.onnx")
    parser.add_argument("--language", choices=LANGUAGES, required=True)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/tatoeba-en-*")
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = figures_of(
        arguments.folder,
        arguments.language,
        arguments.data,
        arguments.sentences,
    )
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:9.4f}")


if __name__ == "__main__":
    main()
