"""The clock, the disk, memory and cores."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.config import Config
from server.doctor import capacity, clock, room
from server.doctor.capacity import Cost

NOW = datetime.now(UTC)
COST = Cost(("nl", "en"), targets=3, hear=0.4, interpret=0.2, takes=400_000_000)


@pytest.mark.parametrize(
    ("now", "level"),
    [(NOW, "ok"), (NOW - timedelta(days=2), "problem"), (NOW.replace(year=2150, day=1), "problem")],
)
def test_a_clock_in_another_time_is_a_problem(now: datetime, level: str) -> None:
    (found,) = clock._year(now, NOW)
    assert found.level == level


def test_this_machine_s_clock_is_looked_at() -> None:
    assert {each.part for each in clock.clock()} == {"clock"}


@pytest.mark.parametrize(
    ("cores", "level", "text"),
    [
        (0.4, "problem", "about 0 of 3"),
        (1.0, "ok", "about 2 of 3 languages of one speaker"),
        (8.0, "ok", "all 3 languages of about 6 speakers"),
    ],
)
def test_the_cores_are_enough_for(
    monkeypatch: pytest.MonkeyPatch, cores: float, level: str, text: str
) -> None:
    monkeypatch.setattr("server.machine.cores", lambda: cores)
    (found,) = capacity.cores(Config(), COST)
    assert found.level == level
    assert text in found.text


def test_a_limit_of_languages_beyond_the_cores_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.machine.cores", lambda: 1.0)
    (found,) = capacity.cores(Config(max_languages=3), COST)
    assert found.level == "note"


@pytest.mark.parametrize(
    ("takes", "level"), [(None, "ok"), (4e8, "ok"), (8e8, "note"), (2e9, "problem")]
)
def test_memory_for_an_interpreter_and_a_spare(
    monkeypatch: pytest.MonkeyPatch, takes: int | None, level: str
) -> None:
    monkeypatch.setattr(room, "memory_left", lambda: 1_500_000_000)
    (found,) = room.memory(Config(), takes)
    assert found.level == level


def test_the_disks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(state=str(tmp_path / "new"), record=["audio"], record_folder=str(tmp_path))
    assert [each.part for each in room.disk(config)] == ["state", "recordings"]
    monkeypatch.setattr(room, "FULL_BYTES", 1 << 60)
    assert {each.level for each in room.disk(config)} == {"problem"}
