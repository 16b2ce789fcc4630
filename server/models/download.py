"""Downloads one file from one address over HTTPS. An interrupted download is resumed.

The data is in ``NAME.part`` until its size and checksum are right. A server that stalls, is too
slow, gives a wrong size or sends a web page instead of the file costs some seconds, no more.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from server.decoding import understood
from server.models.available import File
from server.models.disk import FetchError, Missing, Unreachable, digest, disk_error, sync

#: No usable model file is larger.
MOST_BYTES: Final = 8 << 30
CHUNK_BYTES: Final = 1 << 18
#: No page of a package index that lists one package is longer.
MOST_TEXT_BYTES: Final = 8 << 20
MOST_REDIRECTS: Final = 5
#: An interrupted attempt that received at least this much does not count as a failure.
WORTH_BYTES: Final = 1 << 20
#: The beginnings of a web page that was sent instead of a model.
PAGES: Final = (b"<!doctype html", b"<html", b"<?xml")


class _Broken(Exception):
    """The download broke off, or the server is busy: another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of a download. ``connect_s``: time until the server answers. ``stall_s``: time without
    a byte. ``rate_bytes``: the least bytes per second, over ``rate_s``. ``attempts``: how many may
    fail in a row; ``retry_s``: the wait after the first, doubled after each further one."""

    connect_s: float = 10.0
    stall_s: float = 20.0
    rate_s: float = 30.0
    rate_bytes: int = 8_000
    attempts: int = 4
    retry_s: float = 1.0


USUAL: Final = Patience()


class _Begun(msgspec.Struct):
    """Stored beside a part: where it is from, and the version (ETag) of the file."""

    address: str
    version: str


class Downloader:
    """Downloads with ``session``. ``progressed``: called with the bytes of the file so far."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        progressed: Callable[[int], None] = lambda count: None,
        patience: Patience = USUAL,
    ) -> None:
        self.session = session
        self._progressed = progressed
        self._patience = patience

    async def file(self, address: str, target: Path, wanted: File) -> None:
        """Download ``address`` to ``target``, and check the size and checksum given by ``wanted``.
        The next call resumes an interrupted download. Raises FetchError."""
        part = target.with_name(target.name + ".part")
        begun_before = part.exists()
        failures, delay_s = 0, self._patience.retry_s
        while True:
            before = _size(part)
            try:
                await self._attempt(address, part, wanted)
            except _Broken as error:
                failures = 0 if _size(part) - before >= WORTH_BYTES else failures + 1
                if failures >= self._patience.attempts:
                    raise FetchError(
                        f"{address} broke off {failures} times ({error}); try again later, "
                        "and the download will be resumed"
                    ) from error
                await asyncio.sleep(delay_s * 2 ** max(0, failures - 1))
                continue
            except OSError as error:
                raise disk_error(part, error) from error
            problem = _difference(part, wanted)
            if problem is None:
                break
            forget(part)
            if not begun_before:
                raise FetchError(
                    f"{address} is not the expected file: {problem}; it was cut or changed, "
                    "and is not used"
                )
            begun_before = False  # the old part may be from another source: start again
        sync(part)
        os.replace(part, target)
        forget(part)

    async def text(self, address: str, accept: str) -> tuple[str, str]:
        """Download a text of at most MOST_TEXT_BYTES. Returns it and its content type. Raises
        FetchError."""
        try:
            async with asyncio.timeout(self._patience.connect_s + self._patience.stall_s):
                async with await self._get(address, {"Accept": accept}) as answer:
                    data = bytearray()
                    async for piece in answer.content.iter_any():
                        data += piece
                        if len(data) > MOST_TEXT_BYTES:
                            raise _Broken(f"it sends more than {MOST_TEXT_BYTES >> 20} MiB")
        except (aiohttp.ClientError, TimeoutError, _Broken) as error:
            raise Unreachable(f"{address} cannot be reached: {_told(error)}") from error
        return data.decode("utf8", "replace"), answer.content_type

    async def _attempt(self, address: str, part: Path, wanted: File) -> None:
        have = _resumable(part, address, wanted)
        if wanted.size and have >= wanted.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if version := _begun(part, address):
                headers["If-Range"] = version
        try:
            async with await self._get(address, headers) as answer:
                if answer.status == 416:
                    forget(part)
                    raise _Broken("the server's file is shorter than what was received before")
                begins = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
                if answer.status != 206 or not begins:
                    have = 0
                _judge(answer, address, have, wanted)
                _remember(part, address, answer)
                with part.open("r+b" if have else "wb") as file:
                    file.seek(have)
                    file.truncate()
                    await self._receive(answer, address, file, have, wanted)
        except aiohttp.ClientConnectorError as error:
            if _size(part):
                raise _Broken(_told(error)) from error
            why = error.strerror or _told(error)
            raise Unreachable(f"{urlsplit(address).hostname} cannot be reached: {why}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Broken(_told(error)) from error

    async def _get(self, address: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        """The response, after redirects. Raises _Broken if a retry may help, else FetchError."""
        at = address
        for _ in range(MOST_REDIRECTS + 1):
            async with asyncio.timeout(self._patience.connect_s):
                answer = await self.session.get(at, headers=headers, allow_redirects=False)
            if answer.status in (301, 302, 303, 307, 308):
                answer.close()
                at = redirected(at, answer.headers.get("Location", ""))
            elif answer.status >= 500 or answer.status in (408, 429):
                answer.close()
                raise _Broken(f"the server answered {answer.status} {answer.reason}")
            elif answer.status not in (200, 206, 416):
                answer.close()
                problem = Missing if answer.status in (404, 410) else FetchError
                raise problem(
                    f"{address}: the server answered {answer.status} {answer.reason}; the file is "
                    "no longer there, or not public"
                )
            else:
                return answer
        raise FetchError(f"{address} redirects more than {MOST_REDIRECTS} times")

    async def _receive(
        self,
        answer: aiohttp.ClientResponse,
        address: str,
        file: BinaryIO,
        have: int,
        wanted: File,
    ) -> None:
        patience, most = self._patience, wanted.size or MOST_BYTES
        since, had = time.monotonic(), have
        while True:
            async with asyncio.timeout(patience.stall_s):
                data = await answer.content.read(CHUNK_BYTES)
            if not data:
                break
            if have == 0 and data[:200].lstrip().lower().startswith(PAGES):
                raise FetchError(_page(address))
            file.write(data)
            have += len(data)
            self._progressed(have)
            if have > most:
                raise FetchError(f"{address} sends more than the {most:,} bytes it should have")
            now = time.monotonic()
            if now - since >= patience.rate_s:
                if have - had < patience.rate_bytes * (now - since):
                    raise _Broken(
                        f"the server sends less than {patience.rate_bytes // 1000} kB per second"
                    )
                since, had = now, have
        if have < (wanted.size or have):
            raise _Broken(f"the data ended after {have:,} of {wanted.size:,} bytes")


def redirected(address: str, location: str) -> str:
    """The target of a redirect. Raises FetchError if there is none, or it is not HTTPS and differs
    in scheme from ``address``."""
    there = urljoin(address, location)
    before, after = urlsplit(address).scheme, urlsplit(there).scheme
    if not location or after not in ("https", before):
        raise FetchError(
            f"{address} redirects to {there or 'nowhere'}, which is not {before}, so it is not "
            "followed. Does the network have a login page?"
        )
    return there


def forget(part: Path) -> None:
    """Remove a part, and the notes stored beside it."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _begun(part: Path, address: str) -> str:
    """The version (ETag) of the file at ``address`` that the part is from; "" if not known."""
    try:
        begun = understood(msgspec.json.Decoder(_Begun), _notes(part).read_bytes())
    except (OSError, msgspec.DecodeError):
        return ""
    return begun.version if begun.address == address else ""


def _resumable(part: Path, address: str, wanted: File) -> int:
    """The bytes that can be kept: needs a checksum to check, or an ETag to compare."""
    have = _size(part)
    return have if wanted.sha256 or wanted.md5 or _begun(part, address) else 0


def _remember(part: Path, address: str, answer: aiohttp.ClientResponse) -> None:
    tag = answer.headers.get("ETag", "")
    # A weak ETag does not identify the exact bytes, nor does Last-Modified.
    version = "" if tag.startswith("W/") else tag
    _notes(part).write_bytes(msgspec.json.encode(_Begun(address, version)))


def _judge(answer: aiohttp.ClientResponse, address: str, have: int, wanted: File) -> None:
    """Raises FetchError if the response's headers show that it is not the wanted file."""
    if answer.content_type in ("text/html", "application/xhtml+xml"):
        raise FetchError(_page(address))
    if answer.content_length is not None:
        total = have + answer.content_length
        if wanted.size and total != wanted.size and "Content-Encoding" not in answer.headers:
            raise FetchError(
                f"{address} has {total:,} bytes, not {wanted.size:,}: it was cut or changed"
            )
        if total > MOST_BYTES:
            raise FetchError(f"{address} has {total:,} bytes, too many for a model")


def _page(address: str) -> str:
    return (
        f"{address} sends a web page instead of the file, perhaps a login page of the network or a "
        "message of a proxy; open the address in a browser to see it"
    )


def _difference(part: Path, wanted: File) -> str | None:
    """How the part differs from ``wanted``; None if it does not."""
    if wanted.size and _size(part) != wanted.size:
        return f"it has {_size(part):,} bytes, not {wanted.size:,}"
    for name, expected in (("sha256", wanted.sha256), ("md5", wanted.md5)):
        if expected and (found := digest(part, name)) != expected:
            return f"its {name} is {found}, not {expected}"
    return None


def _told(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
