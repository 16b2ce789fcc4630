"""The guided attack on parsers finds what is broken, and finds nothing broken in ours."""

from pathlib import Path

import pytest

from tools.attack import grammar
from tools.attack.grammar import attacked
from tools.attack.parsers import Parser

SECONDS = 3.0


class Refused(Exception):
    pass


def nested(data: bytes) -> None:
    """Breaks only at the end of three steps, which random bytes do not find together."""
    if data[:1] != b"a":
        raise Refused
    if data[1:2] != b"b":
        raise Refused
    if data[2:3] != b"c":
        raise Refused
    raise LookupError("found")


def slow(data: bytes) -> None:
    sum(range(3_000_000))


def parser(read: object, *, seeds: tuple[bytes, ...] = (b"zzzz",)) -> Parser:
    words = (b"a", b"b", b"c")
    return Parser("ours", read, (Refused,), seeds, [Path(__file__)], words)  # type: ignore[arg-type]


async def test_coverage_leads_to_a_fault_behind_several_conditions() -> None:
    found = await attacked(parser(nested), SECONDS)
    assert [each.partition(" at ")[0] for each in found.crashes] == ["LookupError"]
    assert next(iter(found.crashes.values()))[:3] == b"abc"
    assert found.kept >= 3


async def test_what_a_parser_refuses_is_no_fault() -> None:
    assert not (await attacked(parser(nested, seeds=(b"z",)), 0.01)).crashes


async def test_an_input_that_holds_the_loop_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = await attacked(parser(slow), 0.2)
    assert found.longest_ms > grammar.LONGEST_MS


async def test_none_of_our_parsers_breaks() -> None:
    figures = await grammar.run(quick=True, seconds=0.5)
    assert len(figures) == 8 * 5
    assert not [each.name for each in figures if each.holds is False]
    assert all(each.value for each in figures if each.name.endswith((".inputs", ".steps")))


async def test_only_some_parsers_are_attacked() -> None:
    figures = await grammar.run(quick=True, seconds=0.1, only=["rtp"])
    assert {each.name.split(".")[1] for each in figures} == {"rtp"}
