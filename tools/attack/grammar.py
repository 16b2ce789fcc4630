"""Mutates what each parser reads, under guidance of coverage: does any input break it, or hold it?

An input that reaches new lines, old lines in a new order, or another refusal is kept and mutated
further. The same seed makes the same inputs, as long as the parsers are the same. Inputs that a
parser refuses by its own error are what is expected; every other exception is a crash.
"""

import asyncio
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from tools.attack.mutation import Mutator
from tools.attack.parsers import Parser, parsers
from tools.figures import Figure

SECONDS: Final = 600.0
QUICK_SECONDS: Final = 2.0
#: The longest that one input may hold the loop.
LONGEST_MS: Final = 20.0
#: An input that seems to take half of that is measured again, as others use the cores too.
AGAIN: Final = 3
MOST_KEPT: Final = 2_000
SHOWN_BYTES: Final = 200
SEED: Final = 18
_QUOTED: Final = re.compile(r"[\d'\"].*", re.DOTALL)

Trace = Callable[[FrameType, str, Any], Any]


class Coverage:
    """The steps from line to line in some files, of one call at a time. ``files``: their paths."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = {str(file) for file in files}
        self.seen: set[tuple[CodeType, int, int]] = set()
        self._new = False
        self._lines: dict[FrameType, int] = {}

    def new(self, read: Callable[[bytes], object], data: bytes) -> bool:
        """Whether reading makes a step that no call made before. Its exceptions are ignored."""
        self._new = False
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            read(data)
        except Exception as ignored:  # noqa: BLE001  it was judged without tracing
            del ignored
        finally:
            sys.settrace(before)
            self._lines.clear()
        return self._new

    def _called(self, frame: FrameType, event: str, argument: Any) -> Trace | None:
        return self._stepped if frame.f_code.co_filename in self._files else None

    def _stepped(self, frame: FrameType, event: str, argument: Any) -> Trace:
        if event == "line":
            step = frame.f_code, self._lines.get(frame, 0), frame.f_lineno
            self._lines[frame] = frame.f_lineno
            if step not in self.seen:
                self.seen.add(step)
                self._new = True
        return self._stepped


@dataclass
class Found:
    """What was found in one parser. ``crashes``: an input for each kind, by what was raised.
    ``refusals``: what the parser's own errors said, without what they quote."""

    inputs: int = 0
    kept: int = 0
    steps: int = 0
    longest_ms: float = 0.0
    slowest: bytes = b""
    refusals: set[str] = field(default_factory=set)
    crashes: dict[str, bytes] = field(default_factory=dict)


async def run(quick: bool, seconds: float | None = None, only: Sequence[str] = ()) -> list[Figure]:
    """Attack the parsers, ``only`` these or all, for ``seconds`` each."""
    seconds = seconds or (QUICK_SECONDS if quick else SECONDS)
    figures: list[Figure] = []
    async with parsers() as all_of_them:
        for parser in all_of_them:
            if not only or parser.name in only:
                found = await attacked(parser, seconds)
                _tell(parser.name, found)
                figures += _figures(f"grammar.{parser.name}", found)
    return figures


async def attacked(parser: Parser, seconds: float, seed: int = SEED) -> Found:
    """Attack one parser for so long."""
    mutator, coverage, found = Mutator(seed), Coverage(parser.files), Found()
    kept = list(parser.seeds)
    for data in kept:
        _judge(parser, data, found)
        coverage.new(parser.read, data)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        data = _mutated(mutator, kept, parser)
        is_other = _judge(parser, data, found)
        is_new = coverage.new(parser.read, data)
        if (is_new or is_other) and len(kept) < MOST_KEPT:
            kept.append(data)
        if found.inputs % 100 == 0:
            await asyncio.sleep(0)
    found.kept, found.steps = len(kept), len(coverage.seen)
    return found


def _mutated(mutator: Mutator, kept: Sequence[bytes], parser: Parser) -> bytes:
    """One of ``kept``, or as often of those it began with, changed once or several times."""
    rng = mutator.random
    data = rng.choice(rng.choice((kept, parser.seeds)))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        lot = rng.random()
        if data and rng.random() < 0.3:
            wrong = bytearray(data)
            wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
            data = bytes(wrong)
        elif lot < 0.1:
            other = rng.choice(kept)
            data = data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]
        elif lot < 0.2 and parser.words:
            place = rng.randrange(len(data) + 1)
            data = data[:place] + rng.choice(parser.words) + data[place:]
        elif parser.is_text and lot < 0.7:
            text = mutator.lines(data.decode("utf8", "surrogateescape"))
            data = text.encode("utf8", "surrogatepass" if "\ud800" in text else "surrogateescape")
        else:
            data = mutator.data(data)
        data = data[: parser.most_bytes]  # lines are repeated: soon it would be gigabytes
    return data


def _judge(parser: Parser, data: bytes, found: Found) -> bool:
    """Let the parser read it; note a crash, and the time if it is the longest. Returns whether it
    was refused for another reason than all before."""
    found.inputs += 1
    known = len(found.refusals)
    took_ms = _took_ms(parser, data, found)
    if took_ms > max(LONGEST_MS / 2, found.longest_ms):
        took_ms = min(_took_ms(parser, data, found) for _ in range(AGAIN))
    if took_ms > found.longest_ms:
        found.longest_ms, found.slowest = took_ms, data
    return len(found.refusals) > known


def _took_ms(parser: Parser, data: bytes, found: Found) -> float:
    began_s = time.thread_time()
    try:
        parser.read(data)
    except parser.expected as refusal:
        found.refusals.add(f"{type(refusal).__name__} {_QUOTED.sub('', str(refusal))[:80]}")
    except Exception as error:  # noqa: BLE001  this is what is looked for
        found.crashes.setdefault(f"{type(error).__name__} at {_place(error)}", data)
    return (time.thread_time() - began_s) * 1e3


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


def _tell(name: str, found: Found) -> None:
    """Print what broke a parser, or held it too long, to standard error."""
    broke = dict(found.crashes)
    if found.longest_ms > LONGEST_MS:
        broke[f"{found.longest_ms:.1f} ms"] = found.slowest
    for what, data in broke.items():
        more = f" … {len(data)} bytes" if len(data) > SHOWN_BYTES else ""
        print(f"{name}: {what}: {data[:SHOWN_BYTES]!r}{more}", file=sys.stderr)


def _figures(name: str, found: Found) -> list[Figure]:
    return [
        Figure(f"{name}.inputs", found.inputs, ""),
        Figure(f"{name}.kept", found.kept, ""),
        Figure(f"{name}.steps", found.steps, ""),
        Figure(f"{name}.crashes", len(found.crashes), "", bound=0),
        Figure(f"{name}.longest", found.longest_ms, "ms", bound=LONGEST_MS),
    ]
