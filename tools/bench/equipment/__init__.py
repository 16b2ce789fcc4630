"""People's equipment: WHIP and WHEP, streams in, text out, recordings, films."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tools.bench.equipment import captions, films, inputs, kills, recording, whep
from tools.bench.equipment.recording import HOURS
from tools.figures import Figure

Part = Callable[[bool], Awaitable[list[Figure]]]
#: What is measured, one after the other.
PARTS: dict[str, Part] = {
    "whep": whep.run,
    "whep_crowd": whep.run_crowd,
    "inputs": inputs.run,
    "captions": captions.run,
    "recording": recording.run,
    "kills": kills.run,
    "film": films.run,
}


async def run(quick: bool, only: Sequence[str] = (), hours: float = HOURS) -> list[Figure]:
    """``only``: the PARTS to measure; by default all. ``hours``: how long is recorded, unless
    ``quick``."""
    parts: dict[str, Part] = {**PARTS, "recording": partial(recording.run, hours=hours)}
    figures: list[Figure] = []
    for name in only or PARTS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        figures += await parts[name](quick)
    return figures
