"""All recordings of a server: which streams are recorded, and where.

Files are written in a thread of its own. If that fails, the recording ends and is told, and the
stream goes on.
"""

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from server.config import Config
from server.process import described
from server.recording import shelf, transcript
from server.recording.counts import RecordingCounts
from server.recording.files import CAPTIONS, Batch, Files
from server.recording.writer import Writer
from signaling.errors import ProtocolError
from signaling.messages import Recorded

logger = logging.getLogger(__name__)

#: Streams for which operators may have asked something else than what the settings say.
MOST_ASKED: Final = 200
#: How often it is looked for recordings to remove or to finish.
TIDY_S: Final = 3600.0
#: How long the last writes may take when the server stops.
CLOSE_S: Final = 2.0
#: How long the removal of a recording may wait for what is written before.
REMOVE_S: Final = 10.0
#: Recordings of one stream that began in the same second.
MOST_AT_ONCE: Final = 99

Failed = Callable[[str], None]


class Recordings:
    """``folder``: of all recordings; it is made when the first one begins. ``usual``: what is
    recorded of every stream. ``limit_bytes``: of all recordings together; 0: none. ``days``: when
    a recording is removed; 0: never."""

    def __init__(
        self,
        folder: Path = Path(),
        usual: Sequence[Recorded] = (),
        limit_bytes: int = 0,
        days: float = 0,
        counts: RecordingCounts | None = None,
    ) -> None:
        self.folder = folder
        self.counts = counts or RecordingCounts()
        self.running: set[Recording] = set()
        self._usual = sorted_kinds(usual)
        self._limit_bytes = limit_bytes
        self._days = days
        self._asked: dict[str, list[Recorded]] = {}
        self._writer = Writer()
        self._exist = folder.is_dir()
        self._tidied: float | None = None
        self._used_bytes = 0

    def kinds(self, stream: str) -> list[Recorded]:
        """What is to be recorded of a stream."""
        return self._asked.get(stream, self._usual)

    def ask(self, stream: str, kinds: Sequence[Recorded]) -> None:
        """Record these kinds of a stream, until the server stops. Raises ProtocolError."""
        self._asked.pop(stream, None)
        if sorted_kinds(kinds) != self._usual:
            if len(self._asked) >= MOST_ASKED:
                raise ProtocolError("limit", f"{MOST_ASKED} streams are switched already")
            self._asked[stream] = sorted_kinds(kinds)

    def begin(self, stream: str, first: int, failed: Failed) -> "Recording":
        """Begin a recording. ``first``: the timestamp of its first packets. ``failed`` is called
        with the reason if it ends by itself."""
        recording = Recording(self, stream, first, failed)
        self._exist = True
        self.running.add(recording)
        self.counts.running = len(self.running)
        recording.put(recording.open)
        return recording

    def ended(self, recording: "Recording") -> None:
        """The recording ended."""
        self.running.discard(recording)
        self.counts.running = len(self.running)

    def put(self, job: Callable[[], None]) -> bool:
        """Do ``job`` in the writer's thread; False if too many wait."""
        return self._writer.put(job)

    async def remove(self, kept: shelf.Kept) -> None:
        """Remove a recording, once all that waits is written: the last of its own files may be.
        Raises OSError (TimeoutError)."""
        removed: Future[None] = Future()

        def job() -> None:
            if removed.set_running_or_notify_cancel():
                try:
                    shelf.remove(kept)
                except OSError as error:
                    removed.set_exception(error)
                else:
                    removed.set_result(None)

        if not self.put(job):
            raise OSError(errno.EBUSY, "too much waits to be written")
        async with asyncio.timeout(REMOVE_S):
            await asyncio.wrap_future(removed)

    def tidy(self) -> None:
        """Finish what a kill left unfinished and remove what is old, now and then."""
        now = time.monotonic()
        if self._exist and (self._tidied is None or now - self._tidied > TIDY_S):
            self._tidied = now
            self.put(self._tidy)

    async def close(self) -> None:
        """Wait until all is written, not for ever."""
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while self._writer.is_busy:
                    await asyncio.sleep(0.01)

    # --- in the writer's thread -----------------------------------------------------------------

    def measure(self) -> None:
        """Measure what all recordings take. Raises OSError if that is over the limit."""
        if self._limit_bytes:
            self._used_bytes = shelf.used_bytes(self.folder)
            if self._used_bytes >= self._limit_bytes:
                gb = self._limit_bytes / 1e9
                raise OSError(f"the recordings have reached --record-limit-gb {gb:g}")

    def wrote(self, count: int) -> None:
        """So many bytes were written. Raises OSError if that is over the limit."""
        self.counts.bytes += count
        self._used_bytes += count
        if self._limit_bytes and self._used_bytes >= self._limit_bytes:
            self.measure()  # some may have been removed

    def _tidy(self) -> None:
        running = {each.name for each in list(self.running)}
        try:
            removed = self._days and shelf.remove_older(self.folder, self._days, running)
            if removed:
                logger.info("%d recordings older than %g days were removed", removed, self._days)
        except OSError as error:
            logger.warning("recordings cannot be removed: %s", error)
        try:
            shelf.finish(self.folder, running)
        except OSError as error:
            logger.warning("recordings cannot be finished: %s", error)


class Recording:
    """One recording. ``name``: of its folder; "" until that is made."""

    def __init__(self, recordings: Recordings, stream: str, first: int, failed: Failed) -> None:
        self.name = ""
        self._recordings = recordings
        self._stream = stream
        self._begun = datetime.now(UTC)
        self._first = first
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._files: Files | None = None
        self._stopped = False
        self._told = False  # that it failed

    def append(self, batch: Batch) -> None:
        """Write the batch, later."""
        self.put(lambda: self._append(batch))

    def close(self) -> None:
        """End the recording."""
        self._recordings.ended(self)
        self.put(self._close)

    def put(self, job: Callable[[], None]) -> None:
        """Do ``job`` in the writer's thread. If it fails, the recording ends."""
        if self._stopped:
            return
        if not self._recordings.put(lambda: self._do(job)):
            self._recordings.counts.dropped += 1
            self._stopped = True  # the next job that waits closes the files
            self._end("the disk is too slow")

    def _end(self, reason: str) -> None:
        if self._told:
            return
        self._told = True
        self._recordings.counts.stopped += 1
        if self in self._recordings.running:
            self._recordings.ended(self)
            self._failed(reason)
        else:
            stream = self._stream
            logger.warning("the end of a recording of %r could not be written: %s", stream, reason)

    # --- in the writer's thread -----------------------------------------------------------------

    def open(self) -> None:
        """Make the folder. Raises OSError."""
        self._recordings.measure()
        name = shelf.name_of(self._stream, self._begun)
        for number in range(1, MOST_AT_ONCE):
            folder = self._recordings.folder / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                self._files = Files(folder, self._first)
                self.name = folder.name
                return
        raise FileExistsError(17, "there are too many of this name", name)

    def _append(self, batch: Batch) -> None:
        assert self._files is not None
        self._recordings.wrote(self._files.append(batch))

    def _close(self) -> None:
        files, self._files = self._files, None
        self._stopped = True
        if files is not None:
            files.close()
            if (files.folder / CAPTIONS).exists():
                transcript.write(files.folder)

    def _do(self, job: Callable[[], None]) -> None:
        try:
            if self._stopped:
                self._recordings.counts.dropped += 1
                self._close()
            else:
                job()
        except Exception as error:  # noqa: BLE001  a bug ends this recording only
            if not isinstance(error, OSError):
                logger.error("a recording failed: %s", described(error))
            self._stopped = True
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(self._end, str(error))
            with contextlib.suppress(OSError):
                self._close()


def recordings_of(config: Config, counts: RecordingCounts) -> Recordings:
    """The recordings of a server with these settings."""
    return Recordings(
        Path(config.record_folder or Path(config.state, "recordings")),
        config.record,
        round(config.record_limit_gb * 1e9),
        config.record_days,
        counts,
    )


def sorted_kinds(kinds: Sequence[Recorded]) -> list[Recorded]:
    """Each of ``kinds`` once, in the order in which they are told."""
    return [each for each in ("audio", "text") if each in kinds]
