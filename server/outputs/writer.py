"""The process that writes one target: FFmpeg may wait there for ever, or crash.

Its standard input has the target as a line of JSON, then samples: int16, mono, 48 kHz. It ends with
them. Its standard output has the error, if any.
"""

import signal
import sys

import msgspec
import numpy as np

from server.outputs.target import Target, TargetError, Wanted

#: 20 ms.
BLOCK_BYTES = 1920


def main() -> int:
    """Write until the input ends; returns an exit status."""
    # The input ends then. Without its end an .m4a could not be read.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    source = sys.stdin.buffer
    wanted = msgspec.json.decode(source.readline(), type=Wanted)
    try:
        with Target(wanted) as target:
            while block := source.read(BLOCK_BYTES):
                target.write(np.frombuffer(block[: len(block) // 2 * 2], np.int16))
    except TargetError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
