"""Measures a voice and writes its model card.

    python -m tools.evaluate voices --models MODELS --whisper FOLDER --json > FIGURES
    python -m training.voice.card FOLDER --figures FIGURES

MODEL_CARD.md, in the folder of voice.onnx, is written from measurements and from
FOLDER.training.json, which the training wrote. No figure in it is typed by hand. The share of words
read back wrong is also written into model.json, because the server reports it to its host.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.evaluate.voices import SENTENCES
from training.data import DATA, Language
from training.voice.history import PERSON, History, describe
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

Piper's ONNX format, loaded by piper-tts 1.8: a convolutional acoustic model (phonemes to
durations, pitch, voicing and spectrum; {millions:.1f} million parameters) and a source-filter
vocoder inside one graph. Phonemes come from the espeak-ng inside piper-tts. `noise_scale` is the
loudness of the breathy part, `noise_w` has no effect.

## What it learnt from

{learnt}

Licence of the model: {licence}.

## How to make it again

    python -m training.voice --language {code} --teacher {teacher} \\
        --minutes {minutes:.0f} --hours {hours:g}{start} --out FOLDER
    python -m tools.evaluate voices --models MODELS --whisper WHISPER --json > FIGURES
    python -m training.voice.card FOLDER --figures FIGURES

{first}Of the hours of processor time that is {steps} steps. It needs Debian's `espeak-ng` and
`flite` and what `training/requirements.txt` lists; `--data` names the folder with Tatoeba's
sentences and the recordings.

## Measured

On {count} sentences of Tatoeba's test and of sermons, lectures, tours and meetings, none of which
it learnt, by a listener that does not know it, Whisper base (`tools.evaluate voices`):

| | | asked of it |
|---|---|---|
{understood}

On {others} other sentences that it did not learn, one core:

| | |
|---|---|
{rows}

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
`{start}` is what `python -m training.voice --language {code} --teacher {teacher}`
leaves. """
#: The name of each figure in the table.
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
}
#: Figures of ``tools.evaluate voices``, without the language before their names.
UNDERSTOOD: Final = {
    "read_back_wrong": "words read back wrong",
    "read_back_wrong_at_0.8": "the same, a fifth faster",
    "read_back_wrong_over_a_poor_line": "over the quiet original, Opus at 24 kb/s, 5 % lost",
    "person_read_back_wrong": "of the person's own recordings, held out",
    "times_the_person": "against that",
    "person_over_a_poor_line": "of those recordings over the same poor line",
    "cpu": "processor time to speak, of the length of the speech",
    "first_sound": "until a clause can be heard",
}


def understood_rows(language: Language, figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Rows of the table: the measurements of ``tools.evaluate voices``, and their bounds."""
    rows = []
    for name, label in UNDERSTOOD.items():
        found = figures.get(f"voices.{language}.{name}")
        if found is not None and found["value"] is not None:
            unit = f" {found['unit']}".rstrip()
            asked = "" if found["bound"] is None else f"at most {found['bound']:.3g}{unit}"
            rows.append(f"| {label} | {found['value']:.3g}{unit} | {asked} |")
    return rows


def begun_as(history: History) -> str:
    """The command that makes the voice that this one began as: a voice of the language in its name,
    or else of its own language. Empty if it began from nothing."""
    if not history.start:
        return ""
    named = Path(history.start).stem
    language = named if named in TONGUES else history.language
    return FIRST.format(start=history.start, code=language, teacher=TONGUES[language].teacher)


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
    history: History,
    figures: Mapping[str, float],
    understood: Mapping[str, Mapping[str, Any]],
    *,
    others: int,
    megabytes: float,
) -> str:
    """The card's text. `figures`: what `figures_of` returned for so many sentences. `understood`:
    the figures of ``tools.evaluate voices`` by name."""
    language = history.language
    kind = history.teacher.partition(":")[0]
    return CARD.format(
        name=f"voice-{language}",
        language=TONGUES[language].name,
        code=language,
        megabytes=megabytes,
        learnt=learnt_from(language, history),
        licence=history.licence,
        teacher=history.teacher,
        minutes=history.minutes,
        hours=history.hours,
        start=f" --start {history.start}" if history.start else "",
        first=begun_as(history),
        steps=history.steps,
        count=SENTENCES,
        understood="\n".join(understood_rows(language, understood)),
        others=others,
        millions=history.parameters / 1e6,
        rows="\n".join(row(name, figures[name]) for name in LABELS if name in figures),
        unseen=history.unseen,
        losses=", ".join(f"{name} {value:.3f}" for name, value in history.losses.items()),
        sounds=PERSON_SOUNDS if kind == PERSON else SYNTHESIZERS[kind].sounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.voice.card", description=__doc__)
    parser.add_argument("folder", type=Path, help="of voice.onnx")
    parser.add_argument("--figures", type=Path, required=True, help="of tools.evaluate voices")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/tatoeba-en-*")
    parser.add_argument("--sentences", type=int, default=100)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    history = History.read(folder)
    found = json.loads(arguments.figures.read_text(encoding="utf-8"))["figures"]
    understood = {figure["name"]: figure for figure in found}
    wrong = understood[f"voices.{history.language}.read_back_wrong"]["value"]
    describe(history, folder, round(wrong, 1))
    text = card(
        history,
        figures_of(folder, history.language, arguments.data, arguments.sentences),
        understood,
        others=arguments.sentences,
        megabytes=(folder / "voice.onnx").stat().st_size / 1e6,
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
