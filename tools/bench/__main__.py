"""Measures a whole server on this machine.

    python -m tools.bench delivery|latency|switching|joins|burst|crowd|far|recovery|uplink|downlink|
        silence|demo|capacity|models [--json] [--quick]
    python -m tools.bench moving [--whisper FOLDER]
    python -m tools.bench fanout [--listeners 20,300] [--against mediarelay,packets,janus]
        [--path batches,native,aiortc] [--media-processes 1,2]

The server runs in processes of its own, as its users start it.
"""

import asyncio
import sys
from pathlib import Path

from tools.bench import (
    burst,
    capacity,
    crowd,
    delivery,
    demo,
    downlink,
    fanout,
    far,
    joins,
    latency,
    models,
    moving,
    recovery,
    silence,
    switching,
    uplink,
)
from tools.figures import exit_status, measuring_parser, report

BENCHMARKS = {
    "delivery": delivery.run,
    "latency": latency.run,
    "switching": switching.run,
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
}


def main() -> int:
    """Run one benchmark; returns its exit status: 1 when a bound does not hold."""
    parser = measuring_parser("tools.bench", __doc__)
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "fanout", "moving"])
    parser.add_argument("--listeners", default="", metavar="20,300", help="fanout: how many")
    parser.add_argument("--against", default="", metavar="SYSTEM,…", help="fanout: baselines")
    parser.add_argument("--path", default="", metavar="PATH,…", help="fanout: which of ours")
    parser.add_argument(
        "--media-processes", default="1", metavar="1,2", help="fanout: of how many processes"
    )
    parser.add_argument("--whisper", type=Path, metavar="FOLDER", help="moving: to this one")
    options = parser.parse_args()
    if options.benchmark == "fanout":
        counts = [int(count) for count in options.listeners.split(",") if count]
        systems = [system for system in options.against.split(",") if system]
        paths = [path for path in options.path.split(",") if path]
        numbers = [int(number) for number in options.media_processes.split(",")]
        figures = asyncio.run(fanout.run(options.quick, counts, systems, paths, numbers))
    elif options.benchmark == "moving":
        figures = asyncio.run(moving.run(options.quick, options.whisper))
    else:
        figures = asyncio.run(BENCHMARKS[options.benchmark](options.quick))
    return report(figures, as_json=options.json, quick=options.quick)


if __name__ == "__main__":
    sys.exit(exit_status("tools.bench", main))
