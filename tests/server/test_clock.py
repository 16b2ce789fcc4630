"""The machine's clock is set while a stream goes on."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.browser.serving import ServerProcess
from tests.helpers.running import final, power, tone
from tests.helpers.waiting import until

#: For LD_PRELOAD. Adds the seconds in the first 8 bytes of the file CLOCK_FILE to the wall clock.
PRELOADED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static volatile long *ahead_s;
    if (!real) {
        ahead_s = mmap(0, 8, PROT_READ, MAP_SHARED, open(getenv("CLOCK_FILE"), O_RDONLY), 0);
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int status = real(which, now);
    if (which == CLOCK_REALTIME)
        now->tv_sec += *ahead_s;
    return status;
}
"""
SPOKEN_LOW_HZ = 700
#: Seconds of NTP begin again at 0 at 06:28:16 on the first of these days.
TIMES = (
    datetime(2036, 2, 7, 6, 28, 14, tzinfo=UTC),
    datetime(2036, 2, 8, tzinfo=UTC),
    datetime(2040, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
)


class WallClock:
    """The wall clock of processes that have ``environment``. Their monotonic clock stays."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_bytes(bytes(8))
        self.environment = {
            "CLOCK_FILE": str(self._file),
            "LD_PRELOAD": str(folder / "clock.so"),
        }
        (folder / "clock.c").write_text(PRELOADED)
        files = [str(folder / "clock.so"), str(folder / "clock.c")]
        subprocess.run(["cc", "-shared", "-fPIC", "-o", *files, "-ldl"], check=True)

    def set(self, to: datetime) -> None:
        with self._file.open("r+b") as file:
            file.write(round(to.timestamp() - time.time()).to_bytes(8, sys.byteorder, signed=True))


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock(tmp_path)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    return clock


@pytest.fixture
def server(clock: WallClock, tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, module="tests.helpers.staged")
    process.start()
    yield process
    process.stop()


async def still_works(url: str, listener: Listener, speaker: Speaker) -> None:
    """Who is there hears and reads what is said, and somebody who joins now hears the floor."""
    since, packets = len(listener.received), len(listener.arrivals)
    await speaker.play(tone(300, 0.6, 2.4))
    await listener.expect(wire.Caption, final("en", "low"), since=since)
    await until(lambda: len(listener.arrivals) > packets + 20)
    async with Listener(url, "hall", keep_sound=True) as late:
        await speaker.play(tone(300, 0.5, 1.0))
        await until(lambda: power(late.arrivals.sound(), 300) > 0.5)


@pytest.mark.slow
async def test_a_stream_goes_on_when_the_clock_is_set(
    server: ServerProcess, clock: WallClock, tmp_path: Path
) -> None:
    async with (
        Listener(server.url, "hall", "en", captions=["en"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        for to in TIMES:
            clock.set(to)
            await still_works(server.url, listener, speaker)
        assert not listener.closed and not speaker.closed
    assert power(listener.arrivals.sound(), SPOKEN_LOW_HZ) > 0.5
    assert "Traceback" not in (tmp_path / "server.log").read_text()
