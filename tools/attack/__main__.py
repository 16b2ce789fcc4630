"""Attacks a server that it starts on this machine, and reports the effect on honest participants.

    python -m tools.attack datagrams|joining|signaling|half-open [--json] [--quick]

Attacks are bounded in number and time. The same seed makes the same attack.
"""

import asyncio
import sys

from tools.attack import datagrams, half_open, joining, signaling
from tools.figures import exit_status, measuring_parser, report

ATTACKS = {
    "datagrams": datagrams.run,
    "joining": joining.run,
    "signaling": signaling.run,
    "half-open": half_open.run,
}


def main() -> int:
    """Run one attack; returns its exit status: 1 when a bound does not hold."""
    parser = measuring_parser("tools.attack", __doc__, quick="fewer cases and less time")
    parser.add_argument("attack", choices=ATTACKS)
    options = parser.parse_args()
    figures = asyncio.run(ATTACKS[options.attack](options.quick))
    return report(figures, as_json=options.json, quick=options.quick)


if __name__ == "__main__":
    sys.exit(exit_status("tools.attack", main))
