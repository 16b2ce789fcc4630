"""Breaks what can break around a server that it starts on this machine, and reports what those
who listen notice.

    python -m tools.chaos [--only NAME,…] [--busy] [--json] [--quick]

Without --quick it takes about four hours and a half. A row that cannot be made here, for want of
rights, says so by a figure "not_possible_here".
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine

from server.process import described
from tools.chaos import (
    interpreters,
    long,
    machines,
    processes,
    speakers,
    stopping,
    surroundings,
)
from tools.chaos.beside import beside
from tools.figures import Figure, exit_status, measuring_parser, report

#: What each is given: whether to be quick, and whether other programs use the cores.
Row = Callable[[bool, bool], Coroutine[None, None, list[Figure]]]
ROWS: dict[str, Row] = {
    "worker-killed": interpreters.killed,
    "worker-stopped": interpreters.stopped,
    "edge-killed": processes.edge_killed,
    "edge-stopped": processes.edge_stopped,
    "server-killed": processes.server_killed,
    "random": processes.at_random,
    "sigterm": stopping.sigterm,
    "take-over": stopping.take_over,
    "reload": stopping.reload,
    "speaker-cut": speakers.cut,
    "speaker-frozen": speakers.frozen,
    "speaker-network": speakers.network,
    "overload": surroundings.overload,
    "overload-streams": surroundings.overload_streams,
    "memory": surroundings.memory,
    "disk": surroundings.disk,
    "half-open": surroundings.half_open,
    "slow-readers": surroundings.slow_readers,
    "machines": machines.machines,
    "hour": long.hour,
    "two-hours": long.two_hours,
}
#: Programs that do nothing but use a core, beside the server, with --busy.
BUSY = 2


def main() -> int:
    """Run the rows; returns the exit status: 1 when a bound does not hold."""
    parser = measuring_parser("tools.chaos", __doc__, quick="one round of each, few listeners")
    parser.add_argument(
        "--only", type=_names, default=list(ROWS), metavar="NAME,…",
        help=f"rows to run, of: {', '.join(ROWS)}",
    )  # fmt: skip
    parser.add_argument(
        "--busy", action="store_true", help=f"beside {BUSY} programs that use a core each"
    )
    options = parser.parse_args()
    figures: list[Figure] = []
    for name in options.only:
        began_s = time.monotonic()
        with beside(BUSY if options.busy else 0):
            figures += _figures(name, options.quick, options.busy)
        print(f"{name}: {time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return report(figures, as_json=options.json, quick=options.quick)


def _figures(name: str, quick: bool, busy: bool) -> list[Figure]:
    """One row. If it breaks off, the others are still made."""
    try:
        return asyncio.run(ROWS[name](quick, busy))
    except Exception as error:  # noqa: BLE001  whatever breaks it makes the command fail
        print(f"{name} broke off: {error}\n{described(error)}", file=sys.stderr)
        return [Figure(f"{name.replace('-', '_')}.broke_off", 1, "", bound=0)]


def _names(text: str) -> list[str]:
    """Names of rows, separated by commas."""
    found = [name for name in text.split(",") if name]
    for name in found:
        if name not in ROWS:
            raise argparse.ArgumentTypeError(f"there is no {name!r}; there are: {', '.join(ROWS)}")
    return found


if __name__ == "__main__":
    sys.exit(exit_status("tools.chaos", main))
