"""FFmpeg's WHIP muxer, as PyAV brings it, publishes words of the stand-in until stdin ends.

    python -m tests.helpers.ffmpeg_whip URL [OPTION=VALUE …]

Options are those of ``ffmpeg -h muxer=whip``. It is a process of its own, as FFmpeg waits for the
server without letting other threads of Python run.
"""

import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S
from tests.helpers.running import tone


def main() -> None:
    url, *options = sys.argv[1:]
    stop = threading.Event()

    def read() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=read, daemon=True).start()
    given = dict(each.split("=", 1) for each in options)
    with av.open(url, "w", format="whip", options=given) as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="stereo")
        words = np.repeat(tone(300), 2).reshape(-1, 2 * SAMPLES_PER_TICK)
        start_s, tick = time.monotonic(), 0
        while not stop.is_set():
            pcm = words[tick % len(words)].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="stereo")
            frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
            frame.pts = tick * SAMPLES_PER_TICK
            container.mux(stream.encode(frame))
            tick += 1
            time.sleep(max(0.0, start_s + tick * TICK_S - time.monotonic()))


if __name__ == "__main__":
    main()
