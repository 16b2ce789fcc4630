"""One file from one address, over HTTPS: gone on with where it broke off, and bounded.

What arrives is in ``NAME.part`` until its size and checksum are right. A server that stalls,
dribbles, lies about sizes or sends a page in place of the file costs some seconds, no more.
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

from server.models.available import File
from server.models.disk import FetchError, Missing, Unreachable, digest, disk_error, sync

#: Nothing that can be used here is larger.
MOST_BYTES: Final = 8 << 30
CHUNK_BYTES: Final = 1 << 18
MOST_REDIRECTS: Final = 5
#: An attempt that brought at least this much is no failure.
WORTH_BYTES: Final = 1 << 20
#: What a page of text begins with, where a model was expected.
PAGES: Final = (b"<!doctype html", b"<html", b"<?xml")


class _Broken(Exception):
    """It broke off, or the server is busy: worth another attempt."""


@dataclass(frozen=True, slots=True)
class Patience:
    """``connect_s``: until a server answers; ``stall_s``: without a byte. Over ``rate_s`` at least
    ``rate_bytes`` a second. ``attempts`` without progress, with ``retry_s`` before the second and
    twice that before each further one."""

    connect_s: float = 10.0
    stall_s: float = 20.0
    rate_s: float = 30.0
    rate_bytes: int = 8_000
    attempts: int = 4
    retry_s: float = 1.0


USUAL: Final = Patience()


class _Begun(msgspec.Struct):
    """Of a part: which version of what it is."""

    address: str
    version: str


class Downloader:
    """Downloads by ``session``; ``progressed`` hears of the bytes of the file that are here."""

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
        """``address`` to ``target``, of the size and with the checksum that ``wanted`` tells.

        Raises FetchError. What has come by then is gone on with next time.
        """
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
                        "what has come is gone on with"
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
                    f"{address} is not what it should be: {problem}; it was cut or changed, "
                    "and is not used"
                )
            begun_before = False  # what was there may have come from elsewhere: once more, all
        sync(part)
        os.replace(part, target)
        forget(part)

    async def text(self, address: str, accept: str, most_bytes: int = 8 << 20) -> tuple[str, str]:
        """A short text, and its content type. Raises FetchError."""
        try:
            async with asyncio.timeout(self._patience.connect_s + self._patience.stall_s):
                async with await self._get(address, {"Accept": accept}) as answer:
                    data = await answer.content.read(most_bytes)
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
                    raise _Broken("the server has less than was there before")
                if answer.status != 206 or not _goes_on(answer, have):
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
        """The answer, after redirects. Raises FetchError where it is no use to ask again."""
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
                    f"{address}: the server answered {answer.status} {answer.reason}; it is not "
                    "there any more, or not for everyone"
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
            if have == 0 and _is_page(data):
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
                        f"the server sends less than {patience.rate_bytes // 1000} kB a second"
                    )
                since, had = now, have
        if have < (wanted.size or have):
            raise _Broken(f"it ended after {have:,} of {wanted.size:,} bytes")


def redirected(address: str, location: str) -> str:
    """Where a redirect leads. Raises FetchError where that is less safe, or nowhere."""
    there = urljoin(address, location)
    before, after = urlsplit(address).scheme, urlsplit(there).scheme
    if not location or after not in ("https", before):
        raise FetchError(
            f"{address} redirects to {there or 'nowhere'}, which is not {before}: it is not "
            "followed. Is there a login page between?"
        )
    return there


def forget(part: Path) -> None:
    """Remove a part and what is known of it."""
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
    """Which version of ``address`` the part is of; empty where that is not known."""
    try:
        begun = msgspec.json.decode(_notes(part).read_bytes(), type=_Begun)
    except (OSError, msgspec.DecodeError):
        return ""
    return begun.version if begun.address == address else ""


def _resumable(part: Path, address: str, wanted: File) -> int:
    """Bytes that can be gone on with. Whatever has a checksum may have come from anywhere."""
    have = _size(part)
    return have if wanted.sha256 or wanted.md5 or _begun(part, address) else 0


def _remember(part: Path, address: str, answer: aiohttp.ClientResponse) -> None:
    tag = answer.headers.get("ETag", "")
    # A weak one does not tell bytes apart, nor does Last-Modified well enough.
    version = "" if tag.startswith("W/") else tag
    _notes(part).write_bytes(msgspec.json.encode(_Begun(address, version)))


def _goes_on(answer: aiohttp.ClientResponse, have: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _judge(answer: aiohttp.ClientResponse, address: str, have: int, wanted: File) -> None:
    """Raises FetchError where the answer is not what is wanted, as its headers tell."""
    if answer.content_type in ("text/html", "application/xhtml+xml"):
        raise FetchError(_page(address))
    if answer.content_length is not None:
        total = have + answer.content_length
        if wanted.size and total != wanted.size and "Content-Encoding" not in answer.headers:
            raise FetchError(
                f"{address} has {total:,} bytes, not {wanted.size:,}: it was cut or changed"
            )
        if total > MOST_BYTES:
            raise FetchError(f"{address} has {total:,} bytes: no model is that large")


def _is_page(data: bytes) -> bool:
    return data[:200].lstrip().lower().startswith(PAGES)


def _page(address: str) -> str:
    return (
        f"{address} sends a web page in place of the file: is there a login page of the network's, "
        "or a proxy's message, between? Open the address in a browser and see"
    )


def _difference(part: Path, wanted: File) -> str | None:
    """What is wrong with the part; None: nothing."""
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
