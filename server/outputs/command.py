"""``tolk output``: writes what a channel's listeners hear to a URL or a file, until it is stopped.

What comes while the target is not open is lost and counted; nothing waits.
"""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from server.client import options as client
from server.media.opus import RATE_HZ, Pcm
from server.outputs.source import Channel, SourceError
from server.outputs.target import TargetError, Wanted
from server.outputs.writing import Writing

#: Between two attempts: doubled each time, up to the second. Seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
#: A target that has taken sound for so long works: the next pause is short again. Seconds.
WORKS_S: Final = 10.0
#: How often is said how much was written. Seconds.
REPORT_S: Final = 60.0

_log = logging.getLogger("tolk.output")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    parser.add_argument("target", help="URL (icecast://, rtmp://, rtp://, udp://) or file to write")
    parser.add_argument("--stream", required=True, help="the stream to listen to")
    parser.add_argument("--channel", required=True, help="floor, a language (en), or en+floor")
    parser.add_argument("--format", default="", help="FFmpeg's name; default: by the target")
    parser.add_argument("--codec", default="", help="FFmpeg's name; default: by the format")
    parser.add_argument("--bit-rate", type=int, default=64, metavar="KBIT", help="kbit/s (64)")
    client.add_options(parser, "listening")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    wanted = Wanted(options.target, options.format, options.codec, options.bit_rate * 1000)
    channel = Channel(
        options.url,
        options.stream,
        options.channel,
        client.token_of(options),
        options.insecure,
    )
    if wanted.sdp:
        print(wanted.sdp, end="", flush=True)
    output = Output(channel, wanted)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            # An exception would be lost inside FFmpeg.
            signal.signal(number, lambda *_: output.stop())
    try:
        output.run()
    except (SourceError, TargetError) as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 1
    return 0


class Pause:
    """The time until the next attempt: longer each time that one fails. ``clock``: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = FIRST_PAUSE_S
        self._until = 0.0

    @property
    def left_s(self) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self._until - self._clock())

    def failed(self) -> float:
        """An attempt failed. Returns the seconds until the next."""
        pause, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_PAUSE_S)
        self._until = self._clock() + pause
        return pause

    def worked(self) -> None:
        """An attempt worked."""
        self._next_s = FIRST_PAUSE_S


class Output:
    """Reads ``channel`` and writes it to ``wanted``."""

    def __init__(self, channel: Channel, wanted: Wanted) -> None:
        self._channel = channel
        self._wanted = wanted
        self._stopped = threading.Event()
        self._target: Writing | None = None
        self._pause = Pause()
        self._opened_at = 0.0
        self._written = 0
        self._lost = 0
        self._report_at = time.monotonic() + REPORT_S

    def stop(self) -> None:
        """Let ``run`` return."""
        self._stopped.set()

    def run(self) -> None:
        """Write until stopped, then close the target. Raises SourceError if the server refuses for
        good, TargetError if a file cannot be written."""
        pause = Pause()
        try:
            while not self._stopped.is_set():
                try:
                    self._pass_on(pause)
                except SourceError as error:
                    if error.final:
                        raise
                    _log.warning("%s; again in %g s", error, pause.failed())
                    self._stopped.wait(pause.left_s)
        finally:
            if self._target is not None:
                self._target.close()

    def _pass_on(self, pause: Pause) -> None:
        """Write what the server sends, until it ends or the command is stopped."""
        with self._channel.opened() as sound:
            for pcm in sound:
                if self._stopped.is_set():
                    return
                pause.worked()
                try:
                    self._write(pcm)
                except TargetError as error:
                    self._fail(error)
                self._report()

    def _write(self, pcm: Pcm) -> None:
        """Write some sound, if the target is open or can be opened now."""
        if self._target is None and not self._pause.left_s:
            self._target = Writing(self._wanted)
            self._opened_at = time.monotonic()
            _log.info("writing %s to %s", self._channel.address, self._wanted.shown)
        if self._target is None:
            self._lost += len(pcm)
            return
        self._target.write(pcm)
        self._written += len(pcm)
        if time.monotonic() - self._opened_at > WORKS_S:
            self._pause.worked()

    def _fail(self, error: TargetError) -> None:
        self._target = None
        if not self._wanted.scheme:  # opening it again would empty it
            raise error
        _log.warning("%s; again in %g s", error, self._pause.failed())

    def _report(self) -> None:
        now = time.monotonic()
        if now >= self._report_at:
            seconds = (self._written // RATE_HZ, self._lost // RATE_HZ)
            _log.info("%d s written, %d s lost", *seconds)
            self._report_at = now + REPORT_S
