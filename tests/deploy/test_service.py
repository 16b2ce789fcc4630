"""The systemd unit: nothing in it is misspelt, and its sandbox is tight."""

import re
import sys
from pathlib import Path

from tests.helpers.programs import asked

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "tolk.service"
#: Of ten, by systemd's own count.
MOST_EXPOSED = 3.0


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf8")
    (tmp_path / UNIT.name).write_text(text.replace("/opt/tolk/bin/tolk", sys.executable))
    said = asked("systemd-analyze", "verify", "--recursive-errors=no", tmp_path / UNIT.name)
    assert UNIT.name not in said


def test_the_sandbox_is_tight() -> None:
    said = asked("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
    level = re.search(r"Overall exposure level for tolk.service: ([0-9.]+)", said)
    assert level is not None
    assert float(level[1]) <= MOST_EXPOSED
