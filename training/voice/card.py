"""python -m training.voice.card FOLDER --language nl: measures a voice and writes its card.

Writes MODEL_CARD.md and model.json beside voice.onnx; no figure in the card is typed by hand.
"""

import argparse
import json
from pathlib import Path
from typing import Final

from training.phrases import LANGUAGES, Language
from training.voice.measure import figures_of

LICENCE: Final = "GPL-3.0-or-later; trained on sentences of Tatoeba (CC BY 2.0 FR)"
NAMES: Final[dict[Language, str]] = {"nl": "Dutch", "en": "English"}
TEACHERS: Final[dict[Language, str]] = {
    "nl": "espeak-ng 1.51's Dutch voice, a formant synthesizer",
    "en": "flite 2.2's voice slt, built at Carnegie Mellon University from the recordings of a\n"
    "  woman (CMU ARCTIC, free for all uses with its copyright notice)",
}
SOUNDS_LIKE: Final[dict[Language, str]] = {
    "nl": "It copies a formant synthesizer through a small vocoder: plainly a robot.",
    "en": "It copies a synthetic voice through a small vocoder: duller and more buzzing than that.",
}

CARD: Final = """\
# {name}: a starter voice for {language}

One speaker, 16 kHz, {megabytes:.1f} MB, made to show Tolk at work on a fresh machine and to run
its tests. For a real audience use a full-size Piper voice.

## What it is

Piper's ONNX format, loaded by piper-tts 1.8: a convolutional acoustic model of 1.3 million
parameters (phonemes to durations, pitch, voicing and spectrum) and a source-filter vocoder
inside one graph. Phonemes come from the espeak-ng inside piper-tts. `noise_scale` is the
loudness of the breathy part, `noise_w` has no effect.

## What it learnt from

- Teacher: {teacher}.
- {minutes:.0f} minutes of its speech at 0.65 to 1.3 times its normal length: half phrases of
  Tolk's own grammar (`training/phrase_grammar.txt`), half {language} sentences of Tatoeba
  (https://tatoeba.org, CC BY 2.0 FR). No sentence from a test file.
- No recordings, only what synthesizers said.

Licence of the model: {licence}.

## How to make it again

    python -m training.voice --language {code} --text tatoeba-en-nl.train.tsv.xz \\
        --minutes {minutes:.0f} --steps {steps} --out FOLDER
    python -m training.voice.card FOLDER --language {code} --recognizer RECOGNISER \\
        --minutes {minutes:.0f} --steps {steps}

It needs Debian's `espeak-ng` and `flite` and the Python packages torch, pyworld (with
setuptools < 81), scipy, onnx and piper-tts.

## Measured

By the second command, on {phrases} phrases of the grammar that were not trained on, one core:

| | |
|---|---|
{rows}

{reading}

## What it cannot do

- {sounds}
  The figures are all that was checked: no panel of listeners has judged it.
- It knows one voice and one manner: no emphasis, no emotion, and the melody of a sentence is
  the same each time. Long sentences (over 100 characters) were not trained on.
- Names and foreign words are spoken as espeak-ng's rules for {language} spell them out.
- Fast speech costs clarity: keep the length scale between 0.7 and 1.3.
"""

READING: Final = """\
The recogniser is Tolk's own starter model: it learnt from the same synthesizers and expects such
phrases, so the last two figures say that the parts fit, not how well people understand it."""

LABELS: Final = {
    "voice.real_time_factor": "processor time to speak, of the length of the speech",
    "voice.level_mean_dbfs": "level of speech, mean (dB of full scale)",
    "voice.level_min_dbfs": "level of the quietest phrase",
    "voice.level_max_dbfs": "level of the loudest phrase",
    "voice.peak_dbfs": "highest peak",
    "voice.quietest_50ms_dbfs": "level in pauses, median",
    "voice.length_ratio_at_0.7": "length at scale 0.7",
    "voice.length_ratio_at_1.3": "length at scale 1.3",
    "voice.words_wrong_at_1.0": "words the recogniser reads back wrong",
    "voice.words_wrong_at_0.8": "the same at length scale 0.8",
}
FRACTIONS: Final = ("real_time_factor", "words_wrong", "length_ratio")


def _row(name: str, value: float) -> str:
    shown = f"{100 * value:.1f} %" if any(part in name for part in FRACTIONS) else f"{value:.1f} dB"
    return f"| {LABELS[name]} | {shown} |"


def write(
    folder: Path,
    language: Language,
    figures: dict[str, float],
    *,
    phrases: int,
    minutes: float,
    steps: int,
) -> None:
    """Write model.json and MODEL_CARD.md; `figures` as `figures_of` gives them."""
    name = f"voice-{language}"
    description = {"name": name, "kind": "voice", "languages": [language], "licence": LICENCE}
    (folder / "model.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    rows = [_row(figure, value) for figure, value in figures.items() if figure in LABELS]
    reading = READING
    if not any("words_wrong" in figure for figure in figures):
        reading = "How well it is understood was not measured."
    card = CARD.format(
        name=name,
        language=NAMES[language],
        code=language,
        megabytes=(folder / "voice.onnx").stat().st_size / 1e6,
        teacher=TEACHERS[language],
        sounds=SOUNDS_LIKE[language],
        licence=LICENCE,
        minutes=minutes,
        steps=steps,
        phrases=phrases,
        rows="\n".join(rows),
        reading=reading,
    )
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.voice.card", description=__doc__)
    parser.add_argument("folder", type=Path, help="of voice.onnx")
    parser.add_argument("--language", choices=LANGUAGES, required=True)
    parser.add_argument("--recognizer", type=Path, help="folder of a Vosk model")
    parser.add_argument("--phrases", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=45.0, help="of speech it learnt from")
    parser.add_argument("--steps", type=int, required=True, help="of training")
    arguments = parser.parse_args()
    figures = figures_of(
        arguments.folder, arguments.language, arguments.recognizer, arguments.phrases
    )
    write(
        arguments.folder,
        arguments.language,
        figures,
        phrases=arguments.phrases,
        minutes=arguments.minutes,
        steps=arguments.steps,
    )


if __name__ == "__main__":
    main()
