"""Attacks a server that it starts on this machine, and reports the effect on honest participants.

    python -m tools.attack datagrams|joining|signaling|half-open [--json] [--quick]
    python -m tools.attack grammar [--seconds N] [--only sdp,…]

Attacks are bounded in number and time. The same seed makes the same attack. ``grammar`` starts no
server: it attacks the parsers, each for ten minutes if not told otherwise.
"""

import asyncio
import sys

from tools.attack import datagrams, grammar, half_open, joining, signaling
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
    parser.add_argument("attack", choices=[*ATTACKS, "grammar"])
    parser.add_argument("--seconds", type=float, help="of grammar, for each parser (600)")
    parser.add_argument("--only", default="", metavar="NAME,…", help="parsers for grammar")
    options = parser.parse_args()
    if options.attack == "grammar":
        only = options.only.split(",") if options.only else ()
        figures = asyncio.run(grammar.run(options.quick, options.seconds, only))
    else:
        figures = asyncio.run(ATTACKS[options.attack](options.quick))
    return report(figures, as_json=options.json, quick=options.quick)


if __name__ == "__main__":
    sys.exit(exit_status("tools.attack", main))
