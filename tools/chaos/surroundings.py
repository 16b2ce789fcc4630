"""The machine fails: other programs, memory, the disk, clients that hold on to sockets."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from server.client.participants import Listener
from server.machine import whole_cores
from signaling import messages as wire
from tools.bench.serving import Serving, Speaking, serving
from tools.chaos.beside import beside
from tools.chaos.groups import group, started_in
from tools.chaos.people import STREAM, audience
from tools.figures import Figure

CLIP: Final = Path("server/demo/nl.opus")
#: Streams that come when there is too much to interpret, each in these languages.
STREAMS, QUICK_STREAMS = 10, 2
MORE_LANGUAGES: Final = ("de", "fr")
#: The server gets this part of the cores, if this machine can limit it; its clients get the rest.
PART: Final = 0.5
PERIOD_US: Final = 10_000
BEFORE_S, QUICK_BEFORE_S = 40.0, 15.0
DURING_S, QUICK_DURING_S = 60.0, 20.0
TOLD_S: Final = 0.2
LATER_S: Final = 1.0
#: What a connected client must get from the server at the latest.
JOINED_S: Final = 2.0
SOCKETS, QUICK_SOCKETS = 10_000, 200
READERS, QUICK_READERS = 50, 5
#: The memory that is left when the limit is set, in bytes.
LEFT_BYTES: Final = 40_000_000
DISK_KB: Final = 512
#: What an interpreter, and the server, count as skipped.
SKIPPED: Final = ("audio", "clauses", "backlog", "recognize", "translate", "synthesize")


def not_here(name: str) -> list[Figure]:
    return [Figure(f"{name}.not_possible_here", 1, "")]


async def overload(quick: bool, busy: bool) -> list[Figure]:
    """Other programs take twice as many cores as there are."""
    async with (
        serving() as server,
        Listener(server.url, STREAM, "en", captions=["en"]) as first,
        Speaking(server.url, STREAM, "nl", CLIP),
    ):
        await first.expect(wire.ChannelState, lambda state: state.status == "live", within_s=60)
        await _lag_s(server, 5.0)
        before_s = await _lag_s(server, QUICK_BEFORE_S if quick else BEFORE_S)
        skipped = await _skipped(server)
        with beside(2 * whole_cores()):
            during_s = await _lag_s(server, QUICK_DURING_S if quick else DURING_S)
            skipped = await _skipped(server) - skipped
            async with AsyncExitStack() as stack:
                told_s, refused = await _comes(server, STREAM, "de", stack)
    later_s = None if before_s is None or during_s is None else during_s - before_s
    return [
        Figure("overload.lag_before", before_s, "s"),
        Figure("overload.later", later_s, "s", bound=LATER_S),
        Figure("overload.clauses_skipped", skipped, "", bound=0),
        Figure("overload.new_one_told_after", told_s, "s", bound=TOLD_S),
        Figure("overload.new_one_refused", refused, ""),
    ]


async def overload_streams(quick: bool, busy: bool) -> list[Figure]:
    """More streams come, in more languages, than there are cores for. Only the first stream is
    interpreted into English."""
    count = QUICK_STREAMS if quick else STREAMS
    came: list[tuple[float, int]] = []
    async with (
        _limited() as (server, cores),
        Listener(server.url, STREAM, "en", captions=["en"]) as first,
        Speaking(server.url, STREAM, "nl", CLIP),
        AsyncExitStack() as stack,
    ):
        await first.expect(wire.ChannelState, lambda state: state.status == "live", within_s=60)
        await _lag_s(server, 5.0)
        before_s = await _lag_s(server, QUICK_BEFORE_S if quick else BEFORE_S)
        since = len(first.captions)
        for number in range(count):
            stream = f"more-{number}"
            await stack.enter_async_context(Speaking(server.url, stream, "nl", CLIP))
            came += [await _comes(server, stream, each, stack) for each in MORE_LANGUAGES]
        during_s = await _lag_s(server, QUICK_DURING_S if quick else DURING_S)
        skipped = sum(each.skipped for _, each in first.captions[since:])
    later_s = None if before_s is None or during_s is None else during_s - before_s
    return [
        Figure("overload_streams.cores", cores, ""),
        Figure("overload_streams.streams", count, ""),
        Figure("overload_streams.lag_before", before_s, "s"),
        Figure("overload_streams.later", later_s, "s", bound=LATER_S),
        Figure("overload_streams.captions_skipped", skipped, "", bound=0),
        Figure(
            "overload_streams.new_ones_told_after", max(told_s for told_s, _ in came), "s", TOLD_S
        ),
        Figure("overload_streams.languages_refused", sum(refused for _, refused in came), ""),
    ]


@asynccontextmanager
async def _limited() -> AsyncIterator[tuple[Serving, float]]:
    """A server that gets a part of the cores, and how many."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(group("cpu"))
        if folder is None:
            yield await stack.enter_async_context(serving()), whole_cores()
            return
        part = PART * whole_cores()
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(round(PERIOD_US * part)))
        with started_in(folder):
            server = await stack.enter_async_context(serving())
        yield server, part


async def _lag_s(server: Serving, seconds: float) -> float | None:
    """The mean time from a clause's end to its English interpretation, over so many seconds from
    now."""
    names = ("tolk_ear_voice_span_seconds_sum", "tolk_ear_voice_span_seconds_count")
    before = [await _value(server, name, language="en") for name in names]
    await asyncio.sleep(seconds)
    total, count = [await _value(server, name, language="en") for name in names]
    clauses = count - before[1]
    return (total - before[0]) / clauses if clauses else None


async def _value(server: Serving, name: str, **labels: str) -> float:
    try:
        return await server.metric(name, **labels)
    except KeyError:
        return 0.0


async def _skipped(server: Serving) -> float:
    by_place = [await _value(server, "tolk_interpreter_dropped", where=each) for each in SKIPPED]
    return sum(by_place) + await _value(server, "tolk_downlink_dropped_clauses")


async def _comes(
    server: Serving, stream: str, language: str, stack: AsyncExitStack
) -> tuple[float, int]:
    """One more listener, who stays with ``stack``: when it knows whether it is interpreted, and
    whether it was refused."""
    late = await stack.enter_async_context(Listener(server.url, stream, "floor", audio="socket"))
    since, loop = len(late.received), asyncio.get_running_loop()
    at_s = loop.time()
    await late.select(language)
    told = await late.expect(
        wire.ChannelState, lambda state: state.channel == language, since=since
    )
    return loop.time() - at_s, int(told.reason == "full")


async def memory(quick: bool, busy: bool) -> list[Figure]:
    """The cgroup of the server and all its processes gets little more memory than they have."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(group("memory"))
        if folder is None:
            return not_here("memory")
        with started_in(folder):
            server = await stack.enter_async_context(serving())
        guests = await stack.enter_async_context(audience(server.url, 5, "en+floor"))
        used = int((folder / "memory.usage_in_bytes").read_text())
        (folder / "memory.limit_in_bytes").write_text(str(used + LEFT_BYTES))
        for number, language in enumerate(("de", "fr", "en")):
            stream = f"more-{number}"
            await stack.enter_async_context(Speaking(server.url, stream, "nl", CLIP))
            await stack.enter_async_context(Listener(server.url, stream, language))
        await asyncio.sleep(QUICK_DURING_S if quick else DURING_S)
        runs = int(Path(f"/proc/{server.pid}").exists())
        restarts = await server.metric("tolk_interpreter_restarts") if runs else None
        lost = sum(len(guest.stays) > 1 for guest in guests)
    return [
        Figure("memory.server_runs", runs, "", bound=1, better="higher"),
        Figure("memory.interpreters_lost", restarts, ""),
        Figure("memory.listeners_lost", lost, "", bound=0),
    ]


@contextmanager
def small_disk(kilobytes: int) -> Iterator[Path | None]:
    """A folder on a file system of this size; None without the right to make one."""
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder],
            capture_output=True, check=False,
        )  # fmt: skip
        if made.returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], capture_output=True, check=False)


async def disk(quick: bool, busy: bool) -> list[Figure]:
    """The disk of the recordings becomes full, and then read-only."""
    with small_disk(DISK_KB) as folder:
        if folder is None:
            return not_here("disk")
        options = ("--record", "audio,text", "--record-folder", str(folder))
        async with serving(*options) as server, audience(server.url, 3, "en+floor") as guests:
            (folder / "filling").write_bytes(bytes(1024 * (DISK_KB - 64)))
            await asyncio.sleep(QUICK_DURING_S if quick else DURING_S)
            stopped = await server.metric("tolk_recording_stopped")
            command = ("mount", "-o", "remount,ro", str(folder))
            await (await asyncio.create_subprocess_exec(*command)).wait()
            at_s = asyncio.get_running_loop().time()
            await asyncio.sleep(5)
            silent = sum(guest.first_after_s(at_s) is None for guest in guests)
            lost = sum(len(guest.stays) > 1 for guest in guests)
    return [
        Figure("disk.recordings_stopped", stopped, "", bound=1, better="higher"),
        Figure("disk.listeners_lost", lost, "", bound=0),
        Figure("disk.listeners_silent", silent, "", bound=0),
    ]


@asynccontextmanager
async def _sockets(server: Serving, count: int, request: bytes) -> AsyncIterator[int]:
    """``count`` sockets on which this is sent, and nothing is read. Yields how many there are."""
    host, _, port = server.url.partition("//")[2].rpartition(":")
    opened: list[asyncio.StreamWriter] = []
    try:
        for _ in range(count):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(5):
                    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
                del reader
                writer.write(request)
                opened.append(writer)
        yield len(opened)
    finally:
        for writer in opened:
            writer.transport.abort()


async def half_open(quick: bool, busy: bool) -> list[Figure]:
    """Sockets whose request never ends, while somebody joins."""
    count = QUICK_SOCKETS if quick else SOCKETS
    async with serving() as server, audience(server.url, 2) as guests:
        loop = asyncio.get_running_loop()
        async with _sockets(server, count, b"GET / HTTP/1.1\r\nHo") as opened:
            at_s = loop.time()
            async with Listener(server.url, STREAM) as late:
                while not len(late.arrivals):
                    await asyncio.sleep(0.01)
            joined_s = loop.time() - at_s
        lost = sum(len(guest.stays) > 1 for guest in guests)
    return [
        Figure("half_open.sockets", opened, ""),
        Figure("half_open.joined_after", joined_s, "s", bound=JOINED_S),
        Figure("half_open.listeners_lost", lost, "", bound=0),
    ]


async def slow_readers(quick: bool, busy: bool) -> list[Figure]:
    """Clients ask for sound by HTTP and read none of it."""
    count = QUICK_READERS if quick else READERS
    request = f"GET /listen/{STREAM}/floor.ogg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    async with serving() as server, audience(server.url, 2) as guests:
        at_s = asyncio.get_running_loop().time()
        before = await server.metric("process_resident_memory_bytes")
        async with _sockets(server, count, request) as opened:
            await asyncio.sleep(QUICK_DURING_S if quick else DURING_S)
            grown = await server.metric("process_resident_memory_bytes") - before
        silent_s = [guest.again_s(at_s) for guest in guests]
    return [
        Figure("slow_readers.sockets", opened, ""),
        Figure("slow_readers.memory_each", grown / 1e3 / max(1, opened), "kB", bound=1000),
        Figure(
            "slow_readers.others_silent", max(each or 60.0 for each in silent_s), "s", bound=0.5
        ),
    ]
