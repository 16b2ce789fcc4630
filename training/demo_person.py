"""Makes the clip of a person's voice for the demonstration: half a minute of LibriSpeech.

    python -m training.demo_person --whisper FOLDER [--out server/demo]

Writes person-en.opus and person-en.json, as ``training.demo`` does, from two successive recordings
of one reader. They are from mini LibriSpeech's train-clean-5, so no test has them. FOLDER has a
Whisper model in CTranslate2's format, which finds the time of each sentence.
"""

import argparse
import json
from pathlib import Path

import av
import numpy as np
import soxr

from server.interpretation.whisper_model import WhisperModel
from tools.evaluate.people import plain
from tools.evaluate.word_times import aligned
from training.data import DATA
from training.demo import Samples, write_opus
from training.phrases import Pair

FOLDER = DATA / "corpora" / "librispeech-train"
RECORDINGS: dict[str, list[Pair]] = {
    "1970-28415-0020.opus": [
        ("Do whatever your duty is to Caesar and his government.",
         "Doe wat uw plicht is jegens Caesar en zijn regering."),
        ("You will have to decide about that for yourselves.",
         "Daarover zult u zelf moeten beslissen."),
        ("And also do your duty to God.", "En doe ook uw plicht jegens God."),
        ("It was such a clever answer that no one had a word to say.",
         "Het was zo'n slim antwoord dat niemand een woord te zeggen had."),
    ],
    "1970-28415-0021.opus": [
        ("Watch out for the scribes and the Pharisees, he told the people, "
         "and don't be like them.",
         "Pas op voor de schriftgeleerden en de farizeeën, zei hij tegen de mensen, "
         "en wees niet zoals zij."),
        ("They love to walk around in their long white robes, and to have everybody bow to them "
         "in the street, and to sit in the best seats in the synagogues and at dinners.",
         "Ze lopen graag rond in hun lange witte gewaden, en willen dat iedereen op straat voor "
         "hen buigt, en zitten graag op de beste plaatsen in de synagogen en bij maaltijden."),
    ],
}  # fmt: skip
_RATE_HZ, _HEARD_HZ = 48_000, 16_000
_PAUSE_S = 0.5
_PEAK = 16_000


def tell(model: WhisperModel) -> tuple[Samples, list[dict[str, object]]]:
    """The recordings at 48 kHz in int16 range, and their sentences with times in seconds."""
    pause = np.zeros(round(_RATE_HZ * _PAUSE_S))
    parts = [pause]
    timed: list[dict[str, object]] = []
    at_s = _PAUSE_S
    for name, pairs in RECORDINGS.items():
        samples = _read(FOLDER / name)
        heard = soxr.resample(samples, _RATE_HZ, _HEARD_HZ).astype(np.int16)
        words = [plain(english, "en") for english, _ in pairs]
        spans = aligned(model, "en", heard, sum(words, []))
        for (english, dutch), own in zip(pairs, words, strict=True):
            said, spans = spans[: len(own)], spans[len(own) :]
            timed.append({"text": english, "start_s": round(at_s + said[0][0], 3),
                          "end_s": round(at_s + said[-1][1], 3), "translation": dutch})  # fmt: skip
        parts += [samples, pause]
        at_s += (len(samples) + len(pause)) / _RATE_HZ
    story = np.concatenate(parts)
    return story * (_PEAK / np.abs(story).max()), timed


def _read(path: Path) -> Samples:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE_HZ)
    with av.open(str(path)) as sound:
        pieces = [
            piece.to_ndarray()[0]
            for frame in [*sound.decode(audio=0), None]
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the demonstration's speech of a person.")
    parser.add_argument("--whisper", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=Path("server/demo"))
    options = parser.parse_args()
    samples, timed = tell(WhisperModel(options.whisper))
    write_opus(options.out / "person-en.opus", samples)
    text = json.dumps({"language": "en", "phrases": timed}, indent=2, ensure_ascii=False) + "\n"
    (options.out / "person-en.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
