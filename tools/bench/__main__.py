"""Measures a whole server on this machine.

    python -m tools.bench delivery|latency|switching|handover|joins|burst|crowd|far|recovery|uplink|
        downlink|silence|demo|capacity|models|pages|machines|million
        [--json] [--quick]
    python -m tools.bench moving [--whisper FOLDER]
    python -m tools.bench equipment [--only whep,inputs] [--hours 1]
    python -m tools.bench fanout [--listeners 20,300] [--against mediarelay,packets,janus]
        [--media-processes 1,2]

The server runs in processes of its own, as its users start it.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.bench import (
    burst,
    capacity,
    crowd,
    delivery,
    demo,
    downlink,
    equipment,
    fanout,
    far,
    handover,
    joins,
    latency,
    machines,
    million,
    models,
    moving,
    pages,
    recovery,
    silence,
    switching,
    uplink,
)
from tools.bench.equipment.recording import HOURS
from tools.figures import exit_status, measuring_parser, report

BENCHMARKS = {
    "delivery": delivery.run,
    "latency": latency.run,
    "switching": switching.run,
    "handover": handover.run,
    "joins": joins.run,
    "burst": burst.run,
    "crowd": crowd.run,
    "far": far.run,
    "recovery": recovery.run,
    "uplink": uplink.run,
    "downlink": downlink.run,
    "silence": silence.run,
    "demo": demo.run,
    "capacity": capacity.run,
    "models": models.run,
    "pages": pages.run,
    "machines": machines.run,
    "million": million.run,
}


def main() -> int:
    """Run one benchmark; returns its exit status: 1 when a bound does not hold."""
    parser = measuring_parser("tools.bench", __doc__)
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "fanout", "moving", "equipment"])
    parser.add_argument(
        "--listeners", type=_numbers, default=[], metavar="20,300",
        help="fanout: numbers of listeners to measure with",
    )  # fmt: skip
    parser.add_argument(
        "--against", type=_names(fanout.AGAINST), default=[], metavar="SYSTEM,…",
        help=f"fanout: systems to compare with, of: {', '.join(fanout.AGAINST)}",
    )  # fmt: skip
    parser.add_argument(
        "--media-processes", type=_numbers, default=[1], metavar="1,2",
        help="fanout: numbers of media processes to measure with",
    )  # fmt: skip
    parser.add_argument(
        "--whisper", type=Path, metavar="FOLDER", help="moving: the Whisper model to move to"
    )
    parser.add_argument(
        "--only", type=_names(equipment.PARTS), default=[], metavar="PART,…",
        help=f"equipment: what to measure, of: {', '.join(equipment.PARTS)}",
    )  # fmt: skip
    parser.add_argument("--hours", type=float, default=HOURS, help="equipment: how long to record")
    options = parser.parse_args()
    if options.benchmark == "fanout":
        figures = asyncio.run(
            fanout.run(
                options.quick,
                options.listeners,
                options.against,
                options.media_processes,
            )
        )
    elif options.benchmark == "moving":
        figures = asyncio.run(moving.run(options.quick, options.whisper))
    elif options.benchmark == "equipment":
        figures = asyncio.run(equipment.run(options.quick, options.only, options.hours))
    else:
        figures = asyncio.run(BENCHMARKS[options.benchmark](options.quick))
    return report(figures, as_json=options.json, quick=options.quick)


def _numbers(text: str) -> list[int]:
    """Positive numbers, separated by commas."""
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 20,300")
    return numbers


def _names(choices: Iterable[str]) -> Callable[[str], list[str]]:
    """A function that reads names out of ``choices``, separated by commas."""
    known = list(choices)

    def names(text: str) -> list[str]:
        found = [name for name in text.split(",") if name]
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"there is no {name!r}; there are: {', '.join(known)}"
                )
        return found

    return names


if __name__ == "__main__":
    sys.exit(exit_status("tools.bench", main))
