"""The systemd units: nothing in them is misspelt, and their sandbox is tight."""

import re
import sys
from pathlib import Path

import pytest

from tests.helpers.programs import asked

ROOT = Path(__file__).parents[2]
NAMES = ("tolk", "tolk-interpreter", "tolk-edge")
UNITS = [ROOT / "deploy" / "systemd" / f"{name}.service" for name in NAMES]
#: Of ten, by systemd's own count.
MOST_EXPOSED = 3.0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_nothing_wrong(tmp_path: Path, unit: Path) -> None:
    text = unit.read_text(encoding="utf8")
    (tmp_path / unit.name).write_text(text.replace("/opt/tolk/bin/tolk", sys.executable))
    said = asked("systemd-analyze", "verify", "--recursive-errors=no", tmp_path / unit.name)
    assert unit.name not in said


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_sandbox_is_tight(unit: Path) -> None:
    said = asked("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    level = re.search(rf"Overall exposure level for {unit.name}: ([0-9.]+)", said)
    assert level is not None
    assert float(level[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_check_before_the_start_can_read_the_machine_s_addresses(unit: Path) -> None:
    text = unit.read_text(encoding="utf8")
    families = re.search("^RestrictAddressFamilies=(.*)$", text, re.MULTILINE)
    assert families is not None
    assert "AF_NETLINK" in families[1].split()
