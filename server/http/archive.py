"""The HTTP API of finished recordings, for operators: list, get and delete them.

The disk is read in threads of its own, and a block at a time, so that a download of any size takes
little memory, and a slow disk holds up nothing but downloads.
"""

import asyncio
import contextlib
import logging
import zipfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from aiohttp import hdrs, web

from server.http.access import Access
from server.http.operators import operated, token_of
from server.http.refusals import Refusal
from server.recording import shelf
from server.recording.recordings import Recordings
from server.recording.shelf import Kept
from signaling.errors import ProtocolError

logger = logging.getLogger(__name__)

ALL: Final = "/api/recordings"
OF_A_STREAM: Final = "/api/streams/{stream}/recordings"
ONE: Final = OF_A_STREAM + "/{name}"
#: Read and sent at a time.
BLOCK: Final = 65_536
#: How long a client may take nothing.
SEND_S: Final = 30.0
THREADS: Final = 2
#: The times that fit into a zip. The clock of a machine may be wrong.
ZIP_BEGINS: Final = (1980, 1, 1, 0, 0, 0)
ZIP_ENDS: Final = (2107, 12, 31, 23, 59, 58)

_TYPES: Final = {
    ".ogg": "audio/ogg",
    ".jsonl": "application/jsonl",
    ".vtt": "text/vtt",
    ".srt": "application/x-subrip",
    ".txt": "text/plain",
}
Blocks = Generator[bytes, None, None]
T = TypeVar("T")


@dataclass(frozen=True)
class Archive:
    """The handlers."""

    recordings: Recordings
    access: Access
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, "recordings")
    )

    def add_routes(self, app: web.Application) -> None:
        """Serve the recordings."""
        app.router.add_get(ALL, self.all)
        app.router.add_get(OF_A_STREAM, self.of_a_stream)
        app.router.add_get(ONE + ".zip", self.zip)
        app.router.add_get(ONE + "/{file}", self.file)
        app.router.add_delete(ONE, self.delete)
        app.on_cleanup.append(self._close)

    async def all(self, request: web.Request) -> web.Response:
        """The recordings of all streams."""
        try:
            self.access.grants(token_of(request), "*").require("operate")
        except ProtocolError as error:
            raise Refusal(error) from error
        return self._list(await self._read(lambda: shelf.listed(self.recordings.folder)))

    async def of_a_stream(self, request: web.Request) -> web.Response:
        """The recordings of one stream."""
        stream = self._operated(request)
        found = await self._read(lambda: shelf.listed(self.recordings.folder))
        return self._list([kept for kept in found if kept.stream == stream])

    async def file(self, request: web.Request) -> web.StreamResponse:
        """One file, or the Range of it that is asked for."""
        kept, name = await self._kept(request), request.match_info["file"]
        if name not in kept.files:
            raise web.HTTPNotFound(text=f"{kept.folder.name} has no file {name!r}")
        size = kept.files[name]
        ending = name[name.rindex(".") :] if "." in name else ""
        headers: dict[str, str] = {
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.CONTENT_TYPE: _TYPES.get(ending, "application/octet-stream"),
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{kept.folder.name}.{name}"',
        }
        begin, end = 0, size
        if hdrs.RANGE in request.headers:
            begin, end = _range(request, size)
            headers[hdrs.CONTENT_RANGE] = f"bytes {begin}-{end - 1}/{size}"
        headers[hdrs.CONTENT_LENGTH] = str(end - begin)
        status = 206 if hdrs.RANGE in request.headers else 200
        return await self._send(request, status, headers, _part(kept, name, begin, end))

    async def zip(self, request: web.Request) -> web.StreamResponse:
        """All files of a recording. What is being recorded now is in it as far as it is written."""
        kept = await self._kept(request)
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: "application/zip",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{kept.folder.name}.zip"',
        }
        return await self._send(request, 200, headers, _zipped(kept))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a recording. One that runs is to be switched off before."""
        kept = await self._kept(request)
        if kept.folder.name in self._running():
            raise web.HTTPConflict(text="it is being recorded: switch the recording off before")
        try:
            await self.recordings.remove(kept)
        except FileNotFoundError:
            pass  # somebody else deleted it a moment ago
        except OSError as error:
            raise _trouble(error) from error
        logger.info("the recording %s was deleted by an operator", kept.folder.name)
        return web.Response(status=204)

    def _list(self, found: list[Kept]) -> web.Response:
        running = self._running()
        listed = [
            {
                "stream": kept.stream,
                "name": kept.folder.name,
                "begun": kept.begun.isoformat(),
                "running": kept.folder.name in running,
                "files": kept.files,
            }
            for kept in found
        ]
        return web.json_response({"recordings": listed}, headers={hdrs.CACHE_CONTROL: "no-store"})

    def _running(self) -> set[str]:
        return {recording.name for recording in self.recordings.running}

    def _operated(self, request: web.Request) -> str:
        try:
            return operated(self.access, request)
        except ProtocolError as error:
            raise Refusal(error) from error

    async def _kept(self, request: web.Request) -> Kept:
        """The recording in the request's path. Raises web.HTTPException."""
        stream, name = self._operated(request), request.match_info["name"]
        kept = await self._read(lambda: shelf.find(self.recordings.folder, name))
        if kept is None or kept.stream != stream:
            raise web.HTTPNotFound(text=f"there is no recording {name!r} of this stream")
        return kept

    async def _read(self, work: Callable[[], T]) -> T:
        """Do ``work`` with the disk in a thread. Raises web.HTTPInternalServerError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except OSError as error:
            raise _trouble(error) from error

    async def _send(
        self, request: web.Request, status: int, headers: dict[str, str], blocks: Blocks
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
        try:
            await response.prepare(request)
            while request.method != hdrs.METH_HEAD and (
                block := await self._read(lambda: next(blocks, b""))
            ):
                async with asyncio.timeout(SEND_S):
                    await response.write(block)
        except (TimeoutError, ConnectionError, web.HTTPInternalServerError):
            # What was promised does not come: the client is to notice.
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._pool.submit(blocks.close)
        return response

    async def _close(self, app: web.Application) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _trouble(error: OSError) -> web.HTTPInternalServerError:
    """The answer if the disk fails."""
    logger.warning("the recordings cannot be read or removed: %s", error)
    return web.HTTPInternalServerError(text=f"the disk: {error.strerror or 'it is too slow'}")


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """The first byte that is asked for, and the one after the last."""
    with contextlib.suppress(ValueError):
        begin, end, _ = request.http_range.indices(size)
        if begin < end:
            return begin, end
    raise web.HTTPRequestRangeNotSatisfiable(headers={hdrs.CONTENT_RANGE: f"bytes */{size}"})


def _part(kept: Kept, name: str, begin: int, end: int) -> Blocks:
    """The bytes of a file from ``begin`` to before ``end``."""
    with (kept.folder / name).open("rb") as file:
        file.seek(begin)
        while begin < end and (block := file.read(min(BLOCK, end - begin))):
            begin += len(block)
            yield block


def _zipped(kept: Kept) -> Blocks:
    """The files as a zip. They are not compressed: sound is already."""
    out, begun = _Sink(), min(max(kept.begun.timetuple()[:6], ZIP_BEGINS), ZIP_ENDS)
    with zipfile.ZipFile(out, "w") as archive:
        for name, size in kept.files.items():
            entry = zipfile.ZipInfo(f"{kept.folder.name}/{name}", begun)
            with archive.open(entry, "w", force_zip64=True) as packed:
                for block in _part(kept, name, 0, size):
                    packed.write(block)
                    yield out.taken()
    yield out.taken()


class _Sink:
    """A file that cannot be sought in, as zipfile writes to it."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes, /) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data
