"""Writes MODEL_CARD.md of a recogniser from measurements. No figure in it is typed by hand.

    python -m tools.evaluate starter --only recognizer --models MODELS --json > FIGURES
    python -m training.recognizer.card --language nl --model MODELS/recognizer-nl --work WORK \\
        --figures FIGURES

WORK is the folder in which the recogniser was made.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
import torch

from training import phrases
from training.recognizer.package import LICENCES
from training.recognizer.speech import ACCENTS, UNSEEN_VARIANTS, VARIANTS

NAMES: Final[dict[phrases.Language, str]] = {"en": "English", "nl": "Dutch"}
PEOPLE: Final[dict[phrases.Language, str]] = {
    "en": """\
- People: 250 readers of LibriSpeech's training part (https://www.openslr.org/12, CC BY 4.0, by
  Vassil Panayotov and others, from LibriVox recordings) and Kathleen, an American woman who gave
  hers away (CC0, https://github.com/rhasspy/dataset-voice-kathleen).""",
    "nl": """\
- People: one Flemish man who gave his recordings away (CC0,
  https://github.com/rhasspy/dataset-voice-flemishguy), without a quarter of his sentences, in his
  voice and in others that WORLD made of it. It learnt together with the English recogniser, and
  all but its last layer is that one's too, which heard 250 people: LibriSpeech
  (https://www.openslr.org/12, CC BY 4.0).""",
}
TEXTS: Final[dict[phrases.Language, str]] = {
    "en": "Tatoeba (https://tatoeba.org, CC BY 2.0 FR) and transcripts of LibriSpeech (CC BY 4.0)",
    "nl": "Tatoeba (https://tatoeba.org, CC BY 2.0 FR)",
}
CARD: Final = """\
# recognizer-{code}: a starter recogniser for {name}

{size:.0f} MB, {words:,} words, made to let Tolk interpret on a fresh machine. For a real audience
use a full-size Vosk model: `docs/operations.md` says how.

## What it is

A folder that Vosk 0.3.45 loads: a factored time-delay network of {millions:.1f} million parameters
on 40 MFCC with a running mean taken off, and a lexicon and a trigram that are composed at run time,
so that words can be added. Partial results, word times, confidences and `[unk]` work.

## What it learnt from

{people}
- Synthetic speech, {hours:.0f} hours: espeak-ng 1.51 in {variants} variants ({unseen} more were
  kept for tests){flite}. Spoilt, as people's speech was, by rooms, microphones, noise, babble,
  levels from -36 to -1 dBFS and Opus with losses.
- Sentences and the order of words: {texts},
  and Tolk's own grammar of host speech (`training/phrase_grammar.txt`). No sentence from a test
  file.
- Further words: the commonest of Debian's list {list}, how common each is told by
  wordfreq (Robyn Speer, CC BY-SA 4.0), and a list of our own (`training/recognizer/words`).

Licence of the model: {licence}.

## How to make it again

    python -m training.recognizer --language en nl --out MODELS
    python -m tools.evaluate starter --only recognizer --models MODELS --json > FIGURES
    python -m training.recognizer.card --language {code} --model MODELS/recognizer-{code} \\
        --work MODELS.work/recognizer-{code} --figures FIGURES

`training/requirements.txt` says what that needs.

## Measured

By the second command, on sentences and voices that were not trained on:

| | | asked of it |
|---|---|---|
{rows}

## What it cannot do

- It learnt how people speak from {speakers}.
  Accents that it never heard, several people at once, a large room and a distant microphone cost
  many more words than the table says.
- What is not among its words comes out as other words, or not at all: names above all.
- It writes no punctuation and no capitals, and numbers in words.
"""
LABELS: Final = {
    "unseen_voices_inside_vocabulary.words_wrong": "synthetic voices, sentences of known words",
    "unseen_voices.words_wrong": "synthetic voices, all sentences",
    "unseen_voices_noisy_room_opus.words_wrong": "in a room, noise at 15 dB, Opus at 24 kb/s",
    "people_librispeech.words_wrong": "people: part of LibriSpeech's clean test set",
    "people_nathalie.words_wrong": "people: a Flemish woman",
    "commands_and_books.words_wrong": "commands to a house (English: passages of books, too)",
    "flite_rms.words_wrong": "flite's voice rms",
    "real_time_factor": "processor time, of the length of speech",
    "real_time_factor_with_times": "the same with the times of words",
    "size": "size",
    "load": "time to load",
    "memory": "memory",
}


def rows(language: phrases.Language, figures: list[dict[str, object]]) -> str:
    """The rows of the table of measurements."""
    found = []
    for name, label in LABELS.items():
        for each in figures:
            if each["name"] == f"recognizer.{language}.{name}":
                unit, bound = each["unit"] or "", each["bound"]
                asked = "" if bound is None else f"at most {bound:g} {unit}"
                what = f"{label}: words wrong" if name.endswith("words_wrong") else label
                found.append(f"| {what} | {each['value']:.3g} {unit} | {asked} |")
    return "\n".join(found)


def _hours(folder: Path) -> float:
    """The hours of speech whose features (one frame every 10 ms) are in `folder`."""
    return sum(float(np.load(part)["frames"].sum()) for part in folder.glob("*.npz")) / 360_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.recognizer.card")
    parser.add_argument("--language", choices=phrases.LANGUAGES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    arguments = parser.parse_args()
    language: phrases.Language = arguments.language
    figures = json.loads(arguments.figures.read_text(encoding="utf-8"))["figures"]
    value = {each["name"]: each["value"] for each in figures}
    weights = torch.load(arguments.work / "final.pt", weights_only=False)["network"]
    parameters = sum(
        weight.numel() for name, weight in weights.items() if name.endswith(("weight", "bias"))
    )
    text = CARD.format(
        code=language,
        name=NAMES[language],
        size=value[f"recognizer.{language}.size"],
        words=round(value[f"recognizer.{language}.vocabulary"]),
        millions=parameters / 1e6,
        people=PEOPLE[language],
        hours=_hours(arguments.work / "speech"),
        variants=len(set(VARIANTS)) * len(set(ACCENTS[language])),
        unseen=len(UNSEEN_VARIANTS),
        flite=", a tenth by flite's slt, awb and kal16" if language == "en" else "",
        texts=TEXTS[language],
        list="wdutch" if language == "nl" else "wamerican",
        licence=LICENCES[language],
        rows=rows(language, figures),
        speakers="250 readers of books"
        if language == "en"
        else "one man, and from English readers: it reads other people badly (see above)",
    )
    (arguments.model / "MODEL_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
