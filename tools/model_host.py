"""A server on loopback that imitates hosts of models: Range, ETag, redirects, a package index. It
can be told to misbehave."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from aiohttp import web

CHUNK_BYTES = 1 << 16
INDEX_KIND = "application/vnd.pypi.simple.v1+json"


@dataclass
class Sent:
    """One answer: its first byte within the file, and how many bytes were sent."""

    start: int
    count: int = 0


#: Answers a request in place of the host. It gets the file's bytes.
Fault = Callable[[web.Request, bytes, Sent], Awaitable[web.StreamResponse]]


@dataclass
class ModelHost:
    """``files``: by path. ``kinds``: unusual content types, by path. ``faults``: by path, how to
    answer the first requests, one each; later requests get the file. ``rate``: bytes per second; 0
    means no limit."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    sent: dict[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    kinds: dict[str, str] = field(default_factory=dict)
    rate: int = 0
    url: str = ""

    def add_wheel(self, project: str, version: str, data: bytes) -> None:
        """Add a package and its entry in the index."""
        name = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
        self.files[f"/packages/{name}"] = data
        about = {
            "filename": name,
            "url": f"../../packages/{name}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "size": len(data),
        }
        self.files[f"/simple/{project}/"] = json.dumps({"files": [about]}).encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        data = self.files.get(path)
        if data is None:
            return web.Response(status=404)
        sent = Sent(_start(request, data))
        self.sent[path].append(sent)
        if waiting := self.faults.get(path):
            return await waiting.pop(0)(request, data, sent)
        return await self.serve(request, data, sent, len(data))

    async def serve(
        self, request: web.Request, data: bytes, sent: Sent, until: int
    ) -> web.StreamResponse:
        """Send the file from the byte that was asked for up to byte ``until``, then break off."""
        response = _begun(request, data, sent, self.kinds)
        await response.prepare(request)
        at = sent.start
        while at < until:
            piece = data[at : min(at + CHUNK_BYTES, until)]
            try:
                await response.write(piece)
            except ConnectionError:
                break  # the client was killed
            at += len(piece)
            sent.count += len(piece)
            if self.rate:
                await asyncio.sleep(len(piece) / self.rate)
        if until < len(data) and request.transport is not None:
            request.transport.close()
        return response


def _begun(
    request: web.Request, data: bytes, sent: Sent, kinds: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=206 if sent.start else 200)
    response.content_length = len(data) - sent.start
    response.headers["ETag"] = _etag(data)
    usual = INDEX_KIND if request.path.endswith("/") else "application/octet-stream"
    response.content_type = kinds.get(request.path, usual)
    if sent.start:
        response.headers["Content-Range"] = f"bytes {sent.start}-{len(data) - 1}/{len(data)}"
    return response


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()}"'


def _start(request: web.Request, data: bytes) -> int:
    asked = request.headers.get("Range", "")
    if not asked or request.headers.get("If-Range", _etag(data)) != _etag(data):
        return 0
    return int(asked.removeprefix("bytes=").partition("-")[0])


def cut(host: ModelHost, at: int) -> Fault:
    """A fault: break off before byte ``at`` of the file."""

    async def fault(request: web.Request, data: bytes, sent: Sent) -> web.StreamResponse:
        return await host.serve(request, data, sent, max(at, sent.start))

    return fault


def status(code: int) -> Fault:
    async def fault(request: web.Request, data: bytes, sent: Sent) -> web.StreamResponse:
        return web.Response(status=code)

    return fault


def redirect(to: str) -> Fault:
    async def fault(request: web.Request, data: bytes, sent: Sent) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": to})

    return fault


def page(kind: str = "text/html") -> Fault:
    """A fault: a web page in place of the file."""

    async def fault(request: web.Request, data: bytes, sent: Sent) -> web.StreamResponse:
        return web.Response(text="<!DOCTYPE html><p>Log in first", content_type=kind)

    return fault


def dribble(bytes_each: int, seconds: float) -> Fault:
    """A fault: so many bytes, then a pause, repeatedly. 0 bytes: stall after the headers."""

    async def fault(request: web.Request, data: bytes, sent: Sent) -> web.StreamResponse:
        response = _begun(request, data, sent, {})
        await response.prepare(request)
        for at in range(sent.start, len(data), max(1, bytes_each)):
            await response.write(data[at : at + bytes_each])
            await asyncio.sleep(seconds)
        return response

    return fault


def whole_again() -> Fault:
    """A fault: send the file from its beginning, whatever range was asked for."""

    async def fault(request: web.Request, data: bytes, sent: Sent) -> web.StreamResponse:
        return web.Response(body=data)

    return fault


@asynccontextmanager
async def model_host(
    files: Mapping[str, bytes], certificate: SSLContext | None = None
) -> AsyncIterator[ModelHost]:
    """A host on a free port; with a ``certificate``, over HTTPS."""
    host = ModelHost(dict(files))
    application = web.Application()
    application.router.add_get("/{path:.*}", host.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate)
        await site.start()
        scheme = "https" if certificate else "http"
        host.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        yield host
    finally:
        await runner.cleanup()


def parts(data: bytes, count: int) -> Iterator[bytes]:
    """Divide ``data`` into ``count`` parts."""
    size = -(-len(data) // count)
    yield from (data[at : at + size] for at in range(0, len(data), size))
