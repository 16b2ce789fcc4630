"""The HTTP API of a stream's glossary: read, replace and delete it, also while the stream is live.

GET, PUT and DELETE /api/streams/{stream}/glossary. All three answer with the glossary in use from
now on and its entries that cannot be used. The words that the recogniser does not know are added
to these some seconds later. What is put lasts until it is deleted, or until the server ends if it
cannot be written to the state folder.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from server.http.access import Access
from server.http.refusals import Refusal
from server.interpretation.glossary import GlossaryError, Problem
from server.streams.glossaries import Glossaries, Kept
from server.streams.glossary_files import GlossaryFiles
from signaling.errors import ProtocolError
from signaling.protocol import parse_stream_id
from signaling.tokens import bearer_token

logger: Final = logging.getLogger(__name__)

PATH: Final = "/api/streams/{stream}/glossary"
#: Time limit for a request's body.
BODY_S: Final = 10.0


@dataclass(frozen=True)
class GlossaryApi:
    """The handlers. Allowed for those who may speak in the stream, and its operators.
    ``changed`` is called with the name of a stream whose glossary changed."""

    glossaries: Glossaries
    files: GlossaryFiles
    access: Access
    changed: Callable[[str], None]

    def add_routes(self, app: web.Application) -> None:
        """Serve GET, PUT and DELETE of a stream's glossary."""
        app.router.add_get(PATH, self.get)
        app.router.add_put(PATH, self.put)
        app.router.add_delete(PATH, self.delete)
        app.on_cleanup.append(self._close)

    async def get(self, request: web.Request) -> web.Response:
        """The stream's glossary as JSON."""
        return _answer(self.glossaries.of(self._allowed(request)))

    async def put(self, request: web.Request) -> web.Response:
        """Replace the glossary by the body, JSON. A malformed one is answered with 400 and changes
        nothing."""
        stream = self._allowed(request)
        try:
            async with asyncio.timeout(BODY_S):
                data = await request.read()
            kept = self.glossaries.put(stream, data)
        except GlossaryError as error:
            raise _refusal(web.HTTPBadRequest, "bad_glossary", str(error)) from error
        except TimeoutError as error:
            message = f"the glossary did not come within {BODY_S:g} s: send it again"
            raise _refusal(web.HTTPRequestTimeout, "timeout", message) from error
        self.changed(stream)
        return _answer(kept, await self._written(stream, self.files.keep(stream, data)))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete the glossary that was put; the stream's glossary file counts again, if any."""
        stream = self._allowed(request)
        kept = self.glossaries.delete(stream)
        self.changed(stream)
        return _answer(kept, await self._written(stream, self.files.drop(stream)))

    async def _written(self, stream: str, change: Awaitable[None]) -> tuple[Problem, ...]:
        """Make the change of the stream's file; returns the problem, if it fails."""
        try:
            await change
        except OSError as error:
            why = error.strerror or "the disk does not answer"
            logger.warning("after a restart, the glossary of %s is as before: %s", stream, why)
            return (Problem("", stream, f"after a restart it is as before: {why}"),)
        return ()

    async def _close(self, app: web.Application) -> None:
        self.files.close()

    def _allowed(self, request: web.Request) -> str:
        """The stream's name. Raises web.HTTPException if the client may not change its glossary."""
        try:
            token = bearer_token(request.headers.get("Authorization"), {})
            stream = parse_stream_id(request.match_info["stream"])
            grants = self.access.grants(token, stream)
            if not grants.operate:
                grants.require("speak")
        except ProtocolError as error:
            raise Refusal(error) from error
        return stream


def _answer(kept: Kept, further: Sequence[Problem] = ()) -> web.Response:
    problems = (*kept.problems, *kept.unexpected, *further)
    body = msgspec.json.encode({**msgspec.to_builtins(kept.glossary), "problems": problems})
    return web.Response(body=body, content_type="application/json")


def _refusal(kind: type[web.HTTPClientError], code: str, message: str) -> web.HTTPClientError:
    text = msgspec.json.encode({"code": code, "message": message}).decode()
    return kind(text=text, content_type="application/json")
