"""python -m training.voice.card FOLDER: measures a voice and writes its card.

Writes MODEL_CARD.md beside voice.onnx, from what was measured and from
FOLDER.training.json, which the training left: no figure in the card is typed by hand.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.data import DATA, Language
from training.voice.history import LICENCE, PERSON, History
from training.voice.languages import TONGUES
from training.voice.measure import figures_of


@dataclass(frozen=True)
class Source:
    what: str
    sounds: str


SYNTHESIZERS: Final = {
    "espeak": Source(
        "espeak-ng 1.51's {language} voice, a formant synthesizer",
        "It copies a formant synthesizer through a small vocoder: plainly a robot.",
    ),
    "flite": Source(
        "flite 2.2's voice slt, built at Carnegie Mellon University from the recordings of a\n"
        "  woman (CMU ARCTIC, free for all uses with its copyright notice)",
        "It copies a synthetic voice through a small vocoder: duller and more buzzing than that.",
    ),
}
PEOPLE: Final = {
    "kathleen-en": "Kathleen, an American woman, who gave her recordings away (CC0,\n"
    "  https://github.com/rhasspy/dataset-voice-kathleen)",
    "nathalie-nl": "Nathalie, a Flemish woman, who gave her recordings away (CC0,\n"
    "  https://github.com/rhasspy/dataset-voice-nathalie)",
    "kerstin-de": "Kerstin, a German woman, who gave her recordings away (CC0,\n"
    "  https://github.com/rhasspy/dataset-voice-kerstin)",
}
PERSON_SOUNDS: Final = (
    "A person through a small vocoder: her melody is flattened and her voice sounds muffled."
)

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

{learnt}

Licence of the model: {licence}.

## How to make it again

    python -m training.voice --language {code} --teacher {teacher} \\
        --minutes {minutes:.0f} --hours {hours:g}{start} --out FOLDER
    python -m training.voice.card FOLDER{options}

{first}Of the hours of processor time that is {steps} steps. It needs Debian's `espeak-ng` and
`flite` and what `training/requirements.txt` lists; `--data` names the folder with Tatoeba's
sentences and the recordings.

## Measured

By the second command, on {count} sentences of Tatoeba that were not trained on, one core:

| | |
|---|---|
{rows}

{reading}

Losses against the teacher on {unseen} sentences that were not trained on:
{losses}.

## What it cannot do

- {sounds}
  The figures are all that was checked: no panel of listeners has judged it.
- It knows one voice and one manner: no emphasis, no emotion, and the melody of a sentence is
  the same each time. Long sentences (over 100 characters) were not trained on.
- Names and foreign words are spoken as espeak-ng's rules for {language} spell them out.
- Fast speech costs clarity: keep the length scale between 0.7 and 1.3.
"""

COPY: Final = """\
- Teacher: {teacher}.
- {minutes:.0f} minutes of its speech at 0.65 to 1.3 times its normal length: {sentences}
  (https://tatoeba.org, CC BY 2.0 FR). No sentence from a test file.
- No recordings, only what synthesizers said. {begun}"""
OF_A_PERSON: Final = """\
- {teacher}.
- {minutes:.0f} minutes of recordings at most, cut into phonemes by a small network that had heard
  espeak-ng speak, each at its own speed and at 0.65 to 1.3 times its length.
- {begun}"""
FIRST: Final = """\
`{start}` is what `python -m training.voice --language {code} --teacher {teacher}` leaves.
"""
READING: Final = (
    "The recogniser is Tolk's own starter model: words that it has, in sentences that neither\n"
    "learnt. It was trained on synthesizers mostly, so this does not say how well people "
    "understand it."
)
NOT_READ: Final = "No recogniser of this language was there to read it back."
PHONES: Final = (
    "What hears the phones is a small network that learnt them from espeak-ng's other throats."
)

#: What each figure is, and whether it is a fraction or a level.
LABELS: Final = {
    "voice.real_time_factor": "processor time to speak, of the length of the speech",
    "voice.level_mean_dbfs": "level of speech, mean (dB of full scale)",
    "voice.level_min_dbfs": "level of the quietest sentence",
    "voice.level_max_dbfs": "level of the loudest sentence",
    "voice.peak_dbfs": "highest peak",
    "voice.quietest_50ms_dbfs": "level in pauses, median",
    "voice.length_ratio_at_0.6": "length at scale 0.6",
    "voice.length_ratio_at_0.7": "length at scale 0.7",
    "voice.length_ratio_at_1.3": "length at scale 1.3",
    "voice.words_wrong_at_1.0": "words the recogniser reads back wrong",
    "voice.words_wrong_at_0.7": "the same at length scale 0.7",
    "voice.phones_right_at_1.0": "frames heard as the phone they are",
    "voice.phones_right_synthesizer": "the same of the synthesizer",
    "voice.phones_right_at_0.7": "the same of the voice at length scale 0.7",
}


def row(name: str, value: float) -> str:
    shown = f"{value:.1f} dB" if name.endswith("dbfs") else f"{100 * value:.1f} %"
    return f"| {LABELS[name]} | {shown} |"


def learnt_from(language: Language, history: History) -> str:
    """The list of sources."""
    kind, _, which = history.teacher.partition(":")
    begun = "It began from nothing."
    if history.start:
        begun = f"It began as another voice of Tolk's, {history.start}."
    if kind == PERSON:
        return OF_A_PERSON.format(teacher=PEOPLE[which], minutes=history.minutes, begun=begun)
    name = TONGUES[language].name
    sentences = f"{name} sentences of Tatoeba"
    if history.phrases:
        grammar = "half phrases of\n  Tolk's own grammar (`training/phrase_grammar.txt`), half "
        sentences = grammar + sentences
    teacher = SYNTHESIZERS[kind].what.format(language=name)
    return COPY.format(teacher=teacher, minutes=history.minutes, sentences=sentences, begun=begun)


def card(
    history: History, figures: dict[str, float], *, count: int, megabytes: float, options: str
) -> str:
    """The card's text; `figures` as `figures_of` gives them."""
    language = history.language
    kind = history.teacher.partition(":")[0]
    notes = [READING if "voice.words_wrong_at_1.0" in figures else NOT_READ]
    if "voice.phones_right_at_1.0" in figures:
        notes.append(PHONES)
    return CARD.format(
        name=f"voice-{language}",
        language=TONGUES[language].name,
        code=language,
        megabytes=megabytes,
        learnt=learnt_from(language, history),
        licence=LICENCE,
        teacher=history.teacher,
        minutes=history.minutes,
        hours=history.hours,
        start=f" --start {history.start}" if history.start else "",
        first=FIRST.format(start=history.start, code=language, teacher=TONGUES[language].teacher)
        if history.start
        else "",
        steps=history.steps,
        options=options,
        count=count,
        rows="\n".join(row(name, figures[name]) for name in LABELS if name in figures),
        reading="\n\n".join(notes),
        unseen=history.unseen,
        losses=", ".join(f"{name} {value:.3f}" for name, value in history.losses.items()),
        sounds=PERSON_SOUNDS if kind == PERSON else SYNTHESIZERS[kind].sounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.voice.card", description=__doc__)
    parser.add_argument("folder", type=Path, help="of voice.onnx")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/tatoeba-en-*")
    parser.add_argument("--recognizer", type=Path, help="folder of a Vosk model")
    parser.add_argument("--phones", action="store_true", help="frames heard right, in minutes")
    parser.add_argument("--sentences", type=int, default=100)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    history = History.read(folder)
    language = history.language
    figures = figures_of(
        folder, language, arguments.data, arguments.recognizer, arguments.sentences,
        phones=arguments.phones,
    )  # fmt: skip
    options = f" --sentences {arguments.sentences}"
    options += " --recognizer RECOGNISER" if arguments.recognizer else ""
    text = card(
        history,
        figures,
        count=arguments.sentences,
        megabytes=(folder / "voice.onnx").stat().st_size / 1e6,
        options=options + (" --phones" if arguments.phones else ""),
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
