import math
from pathlib import Path

import pytest

from server.interpretation.const_fst import (
    ARC,
    EXPANDED,
    OUTPUT_SORTED,
    STATE,
    ConstFst,
    NewArc,
    NotConstFst,
)
from training.recognizer.fst import Fst


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two states: a loop with a label, and the way to the end without one."""
    fst = Fst()
    start, end = fst.state(), fst.state(0.5)
    fst.arc(start, 3, 7, 1.5, start)
    fst.arc(start, 4, 0, 2.5, end)
    fst.write(tmp_path / "a.fst", sort_by_output=True)
    return tmp_path / "a.fst"


def arcs(fst: ConstFst, state: int) -> list[NewArc]:
    return [tuple(arc.tolist()) for arc in fst.arcs_of(state)]


def test_it_reads_graphs_written_by_training(path: Path) -> None:
    fst = ConstFst.read(path)
    assert arcs(fst, 0) == [(4, 0, 2.5, 1), (3, 7, 1.5, 0)]
    assert arcs(fst, 1) == []
    assert fst.states["final"].tolist() == [math.inf, 0.5]
    assert fst.properties == EXPANDED | OUTPUT_SORTED


def test_a_graph_is_written_as_it_was_read(path: Path, tmp_path: Path) -> None:
    ConstFst.read(path).write(tmp_path / "b.fst")
    assert (tmp_path / "b.fst").read_bytes() == path.read_bytes()


def test_arcs_can_be_added_to_a_state(path: Path, tmp_path: Path) -> None:
    fst = ConstFst.read(path)
    fst.append(0, [(0, 9, 0.25, 1), (5, 9, 0.5, 0)])
    fst.append(1, [(1, 1, 1.0, 0)])
    fst.write(tmp_path / "b.fst")
    grown = ConstFst.read(tmp_path / "b.fst")
    assert arcs(grown, 0) == [(4, 0, 2.5, 1), (3, 7, 1.5, 0), (0, 9, 0.25, 1), (5, 9, 0.5, 0)]
    assert arcs(grown, 1) == [(1, 1, 1.0, 0)]
    assert grown.states[["no_in", "no_out"]].tolist() == [(1, 1), (0, 0)]


def test_states_can_be_appended(path: Path) -> None:
    fst = ConstFst.read(path)
    fst.add_states([[(1, 0, 0.5, 2), (2, 0, 0.5, 3)], [(0, 0, 0.0, 0)]])
    assert arcs(fst, 2) == [(1, 0, 0.5, 2), (2, 0, 0.5, 3)]
    assert arcs(fst, 3) == [(0, 0, 0.0, 0)]
    assert arcs(fst, 0)[0] == (4, 0, 2.5, 1)
    assert fst.states["final"][2:].tolist() == [math.inf, math.inf]
    assert fst.states[["no_in", "no_out"]][2:].tolist() == [(0, 2), (1, 1)]


def test_a_file_cut_short_or_of_another_kind_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    Fst().write(path, sort_by_output=True)
    empty = path.read_bytes()
    for data in (empty, b"", b"text", whole[:30], whole[:-1], whole + b"x", b"\0" + whole[1:]):
        path.write_bytes(data)
        with pytest.raises(NotConstFst):
            ConstFst.read(path)


@pytest.mark.parametrize("field", ["first", "to"])
def test_a_file_that_points_outside_itself_is_refused(path: Path, field: str) -> None:
    fst = ConstFst.read(path)
    rows = fst.states if field in (STATE.names or ()) else fst.arcs
    rows[field][0] = 1000
    fst.write(path)
    assert field in (*(STATE.names or ()), *(ARC.names or ()))
    with pytest.raises(NotConstFst, match="broken"):
        ConstFst.read(path)
