"""The form in which all measuring tools report.

With ``--json`` one object: {"figures": [{"name", "value", "unit", "bound", "better", "holds"},
…], "run": {"command", "commit", "date", "machine"}}. Without it, the same as a table.
"""

import argparse
import os
import platform
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from server.interpretation.engines import ModelError

ROOT = Path(__file__).parent.parent
#: Options whose values are left out of reports.
SECRET_OPTIONS = ("--token",)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. ``bound``: the worst value allowed. ``value`` None: it could not be
    measured; its bound then does not hold."""

    name: str
    value: float | None
    unit: str
    bound: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def holds(self) -> bool | None:
        """Whether the value is within the bound; None where there is no bound."""
        if self.bound is None:
            return None
        if self.value is None:
            return False
        return self.value <= self.bound if self.better == "lower" else self.value >= self.bound


def exit_status(module: str, main: Callable[[], int]) -> int:
    """Call ``main`` and return its exit status. If a file, a program or a model is missing, write
    which to standard error and return 2. SIGTERM ends it as Ctrl-C does: with the processes that it
    started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    status = 2
    try:
        return main()
    except* (FileNotFoundError, ModelError) as missing:
        for error in _errors(missing):
            print(f"{module}: {_sentence(error)}", file=sys.stderr)
    except* KeyboardInterrupt:
        status = 130
    return status


def _errors(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _errors(error)
        else:
            yield error


def _sentence(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{error.filename} is missing"
    return str(error)


def measuring_parser(
    module: str, description: str | None, quick: str = "use less material"
) -> argparse.ArgumentParser:
    """A parser for ``python -m module`` with the options that all measuring tools share.
    ``quick``: the help text of ``--quick``."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def report(
    figures: Sequence[Figure],
    *,
    as_json: bool,
    quick: bool = False,
    more: Mapping[str, object] | None = None,
) -> int:
    """Print the figures, and ``more`` results by name. Returns the exit status: 1 if a bound does
    not hold."""
    run: dict[str, object] = {
        "command": command(sys.argv),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    if quick:
        run["quick"] = True
    rows = [
        {
            "name": each.name,
            # msgspec cannot encode NumPy's numbers.
            "value": None if each.value is None else float(each.value),
            "unit": each.unit,
            "bound": None if each.bound is None else float(each.bound),
            "better": each.better,
            "holds": None if each.holds is None else bool(each.holds),
        }
        for each in figures
    ]
    if as_json:
        print(msgspec.json.encode({"figures": rows, "run": run, **(more or {})}).decode())
    else:
        print(table(figures))
        for name, value in {**(more or {}), **run}.items():
            lines = value if isinstance(value, list) else [value]
            print(f"{name}:", *lines, sep="\n  " if len(lines) > 1 else " ")
    return 1 if any(each.holds is False for each in figures) else 0


def table(figures: Sequence[Figure]) -> str:
    """The figures as a table, one line each."""
    words = {True: "holds", False: "DOES NOT HOLD", None: ""}
    signs = {"lower": "≤", "higher": "≥"}
    rows = [
        (
            each.name,
            "-" if each.value is None else f"{each.value:.4g}",
            each.unit,
            "" if each.bound is None else f"{signs[each.better]} {each.bound:g}",
            words[each.holds],
        )
        for each in figures
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 1 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def command(argv: Sequence[str]) -> str:
    """The command of this process, without paths of this machine and without secrets."""
    module = getattr(sys.modules["__main__"].__spec__, "name", None)
    words = ["python", "-m", module.removesuffix(".__main__")] if module else [Path(argv[0]).name]
    hide = False
    for word in argv[1:]:
        name, equals, _ = word.partition("=")
        secret = name in SECRET_OPTIONS
        words.append("…" if hide else f"{name}=…" if secret and equals else word)
        hide = secret and not equals
    return shlex.join(words)


def commit() -> str | None:
    """The checked-out commit, with "-dirty" if files were changed; None outside git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def machine() -> str:
    """Processor, cores, memory and system."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )
