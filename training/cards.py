"""Writes into the cards of models what is asked of them and what was measured, side by side.

    python -m tools.evaluate starter --json > FIGURES
    python -m training.cards --models MODELS --figures FIGURES

A section of each MODEL_CARD.md, put in the place of what it said before; the rest of a card is
left as it is. Cards of recognisers have this in their own table (training.recognizer.card).
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any, Final

HEADING: Final = "## Asked of it"
NEXT: Final = "## What it cannot do"
LABELS: Final = {
    "en_nl.bleu": "English to Dutch, BLEU",
    "nl_en.bleu": "Dutch to English, BLEU",
    "en_de.bleu": "English to German, BLEU",
    "en_fr.bleu": "English to French, BLEU",
    "nl_en.bleu_lost_without_case": "BLEU lost without case and punctuation, Dutch to English",
    "names_and_figures_kept": "names and figures that come through, of a list of 200",
    "runaway": "of odd inputs run away, looping or refused",
    "cpu_of_twelve_words": "processor time of an English sentence of twelve words",
    "read_back_wrong_at_1.0": "words that Tolk's own recogniser reads back wrong",
    "read_back_wrong_at_0.7": "the same at length scale 0.7",
    "read_back_wrong_by_a_stranger": "words that PocketSphinx, which never heard it, reads wrong",
    "real_time_factor": "processor time to speak, of the length of the speech",
    "size": "size",
}


def section(model: str, measured: dict[str, Any]) -> str:
    """Of one model, "translation" or "voice-nl"; nothing where it was not measured."""
    prefix = model.replace("-", ".") + "."
    rows = []
    for each in measured["figures"]:
        label = LABELS.get(each["name"].removeprefix(prefix))
        if not each["name"].startswith(prefix) or label is None or each["value"] is None:
            continue
        unit = "" if each["unit"] == "BLEU" else f" {each['unit']}".rstrip()
        least = "at least" if each["better"] == "higher" else "at most"
        asked = "" if each["bound"] is None else f"{least} {each['bound']:g}{unit}"
        rows.append(f"| {label} | {each['value']:.3g}{unit} | {asked} |")
    if not rows:
        return ""
    run = measured["run"]
    lines = [
        HEADING,
        "",
        f"By `python -m tools.evaluate starter` on {run['date'][:10]}, on what it was not trained"
        f" on ({run['machine']}):",
        "",
        "| | measured | asked |",
        "|---|---|---|",
        *rows,
        "",
        "",
    ]
    return "\n".join(lines)


def renewed(card: str, written: str) -> str:
    """The card with that section, before what the model cannot do. ValueError: no such part."""
    if NEXT not in card:
        raise ValueError(f"no {NEXT!r} in this card")
    old = re.compile(rf"{re.escape(HEADING)}\n.*?(?={re.escape(NEXT)})", re.DOTALL)
    before, after = old.sub("", card).split(NEXT)
    return f"{before}{written}{NEXT}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.cards", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    arguments = parser.parse_args()
    measured = json.loads(arguments.figures.read_text(encoding="utf-8"))
    for path in sorted(arguments.models.glob("*/MODEL_CARD.md")):
        written = section(path.parent.name, measured)
        if written and not path.parent.name.startswith("recognizer"):
            path.write_text(renewed(path.read_text("utf8"), written), encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
