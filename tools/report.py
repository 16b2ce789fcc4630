"""Writes docs/benchmarks.md from what measuring tools printed with ``--json``.

python -m tools.bench joins --json > joins.json
python -m tools.report *.json > docs/benchmarks.md
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

INTRODUCTION = """\
# Measured

Written by `python -m tools.report` from what each command printed with `--json`. Times of a
shared machine: compare figures of one run, not of two.
"""


class Row(msgspec.Struct):
    """One printed figure."""

    name: str
    value: float | None
    unit: str
    bound: float | None
    better: str
    holds: bool | None


class Run(msgspec.Struct):
    """How and where it was measured."""

    command: str
    date: str
    machine: str
    commit: str | None = None
    quick: bool = False


class Result(msgspec.Struct):
    """One run of one tool."""

    figures: list[Row]
    run: Run


def section(result: Result) -> str:
    """One run as Markdown: a heading, how it was run, a table."""
    run = result.run
    quick = ", from little material" if run.quick else ""
    lines = [
        f"## `{run.command}`",
        "",
        f"{run.date[:10]}, commit {run.commit or 'unknown'}{quick}. {run.machine}.",
        "",
        "| figure | value | unit | bound | |",
        "|---|---:|---|---:|---|",
    ]
    words = {True: "holds", False: "**does not hold**", None: ""}
    signs = {"lower": "≤", "higher": "≥"}
    for row in result.figures:
        value = "–" if row.value is None else f"{row.value:.4g}"
        bound = "" if row.bound is None else f"{signs[row.better]} {row.bound:g}"
        lines.append(f"| {row.name} | {value} | {row.unit} | {bound} | {words[row.holds]} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("results", nargs="+", type=Path, metavar="JSON")
    sections = [INTRODUCTION]
    for path in parser.parse_args(argv).results:
        try:
            sections.append(section(msgspec.json.decode(path.read_bytes(), type=Result)))
        except (OSError, msgspec.DecodeError) as error:
            print(f"tools.report: {path}: {error}", file=sys.stderr)
            return 2
    print("\n\n".join(part.strip() for part in sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
