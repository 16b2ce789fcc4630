"""What the shipped models are measured with is not part of this project: where it is not there,
the tests of their figures are left out, and the summary says so."""

import shutil
from ctypes.util import find_library

import pytest

from training.data import DATA

MISSING = [
    what
    for what, there in (
        (f"{DATA} (or TOLK_DATA)", (DATA / "text").is_dir() and (DATA / "corpora").is_dir()),
        ("espeak-ng", find_library("espeak-ng") is not None),
        ("flite", shutil.which("flite") is not None),
    )
    if not there
]
collect_ignore = ["test_starter_figures.py"] if MISSING else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MISSING:
        terminalreporter.write_line(f"shipped models not measured: no {', no '.join(MISSING)}")
