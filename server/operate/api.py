"""The HTTP API of operators: what happens, as server-sent events; and what they do about it.

GET  /api/operate/events: "state", the whole state, and then "change", a JSON Merge Patch each.
POST /api/operate/streams/{stream}/end, …/pause, …/panel, …/notice
POST /api/operate/invitations; GET /api/operate/models
POST /api/operate/machines/{machine}/drain

All need an operator's token, in the header. With a token for one stream an operator sees that one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from aiohttp import hdrs, web

from server.http.access import Access
from server.http.operators import body_of, claimed, operates
from server.http.refusals import Refusal
from server.models import listing
from server.models.current import Current
from server.operate.board import Board
from server.operate.invitations import Asked, Invitations
from server.operate.patch import Json, difference
from server.streams import dismissals
from server.streams.http_listener import Answer
from server.streams.live_stream import LiveStream
from server.streams.live_streams import LiveStreams
from server.streams.registry import Session
from signaling.errors import ProtocolError, excerpt
from signaling.messages import Language, Notice
from signaling.protocol import parse_stream_id
from signaling.unsent import bound_unsent

STREAM: Final = "/api/operate/streams/{stream}"
#: Operators at once; each page that is open is one.
MOST_OPERATORS: Final = 20
#: How often it is looked whether an operator has left; and after how many such looks without news a
#: comment is sent, as proxies close connections that are silent.
LOOK_S: Final = 1.0
QUIET_LOOKS: Final = 15
#: How long a speaker whose stream was ended has to leave.
LEAVE_S: Final = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Pause(msgspec.Struct, frozen=True):
    paused: bool


class _Panel(msgspec.Struct, frozen=True):
    on: bool


class _Drain(msgspec.Struct, frozen=True):
    on: bool


_Text = Annotated[str, msgspec.Meta(max_length=280)]


class _Notice(msgspec.Struct, frozen=True):
    text: _Text = ""
    texts: Annotated[dict[Language, _Text], msgspec.Meta(max_length=20)] = {}
    minutes: Annotated[float, msgspec.Meta(gt=0, le=1440)] = 10


@dataclass(frozen=True)
class OperateApi:
    """The handlers. ``external_url`` returns the server's URL to pass on to others, as far as a
    request tells it."""

    board: Board
    live: LiveStreams
    access: Access
    models: Current
    external_url: Callable[[web.Request], str]
    invitations: Invitations = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "invitations", Invitations(self.access))

    def add_routes(self, app: web.Application) -> None:
        """Serve all of it."""
        app.router.add_get("/api/operate/events", _refusing(self.events))
        app.router.add_get("/api/operate/models", _refusing(self.list_models))
        app.router.add_post("/api/operate/invitations", _refusing(self.invite))
        app.router.add_post("/api/operate/machines/{machine}/drain", _refusing(self.drain))
        app.router.add_post(f"{STREAM}/end", _refusing(self.end))
        app.router.add_post(f"{STREAM}/pause", _refusing(self.pause))
        app.router.add_post(f"{STREAM}/panel", _refusing(self.panel))
        app.router.add_post(f"{STREAM}/notice", _refusing(self.notice))
        app.on_cleanup.append(self.invitations.close)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What happens, from now on. ``?stream=``: of one stream only. An operator who reads slowly
        gets fewer and larger changes."""
        only = request.query.get("stream")
        claimed(self.access, request, "*" if only is None else parse_stream_id(only))
        if self.board.operators >= MOST_OPERATORS:
            raise ProtocolError("limit", f"{MOST_OPERATORS} operators look already", True, 30)
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: "text/event-stream",
            hdrs.CACHE_CONTROL: "no-store",
            "X-Accel-Buffering": "no",  # nginx would collect what is sent
        }
        answer = Answer(web.StreamResponse(headers=headers), bound_unsent(request))
        await answer.response.prepare(request)
        try:
            with self.board.watched():
                await self._tell(answer, only)
        except TimeoutError:
            if answer.transport is not None:
                answer.transport.abort()
        except ConnectionError:
            pass  # it has left
        return answer.response

    async def _tell(self, answer: Answer, only: str | None) -> None:
        """Send the state and its changes until the operator leaves, or the server stops."""
        told = _part(self.board.state, only)
        await answer.write(_event("state", told))
        quiet = 0
        while not answer.gone and not told["server"]["stopping"]:
            await self.board.changed(LOOK_S)
            now = _part(self.board.state, only)
            change = difference(told, now)
            quiet = 0 if change else quiet + 1
            if change or quiet >= QUIET_LOOKS:
                quiet = 0
                await answer.write(_event("change", change) if change else b":\n\n")
            told = now

    async def end(self, request: web.Request) -> web.Response:
        """End a stream for everyone. Its speaker may begin again."""
        live = self._live(request)
        live.stream.state, live.stream.ended_by_operator = "ended", True
        if (speaker := live.stream.speaker) is None:
            live.finish()
        else:
            live.announce()  # a page leaves then by itself
            asyncio.get_running_loop().call_later(LEAVE_S, _send_away, speaker)
        return web.json_response({"state": live.stream.state})

    async def pause(self, request: web.Request) -> web.Response:
        """Pause a stream, or go on: ``{"paused": true}``."""
        live = self._live(request)
        asked = await body_of(request, _Pause)
        if live.stream.speaker is None:
            raise ProtocolError("out_of_order", "Nobody speaks in this stream.")
        live.pause(asked.paused, by_operator=True)
        return web.json_response({"state": live.stream.state})

    async def panel(self, request: web.Request) -> web.Response:
        """Let whoever speaks take over, or, again, nobody: ``{"on": true}``."""
        live = self._live(request)
        asked = await body_of(request, _Panel)
        live.wings.hold_panel(asked.on)
        return web.json_response({"panel": live.stream.panel})

    async def notice(self, request: web.Request) -> web.Response:
        """Show the listeners a message: ``{"text": "…", "minutes": 10}``, or ``"texts"`` by
        language; one without text takes it back."""
        live = self._live(request)
        asked = await body_of(request, _Notice)
        texts = {tag: said for tag, text in asked.texts.items() if (said := " ".join(text.split()))}
        text = next(iter(texts.values()), " ".join(asked.text.split()))
        live.post(Notice(text=text, texts=texts), asked.minutes * 60)
        return web.json_response({"notice": live.notices.posted})

    async def invite(self, request: web.Request) -> web.Response:
        """Addresses with tokens, and their codes: see ``Invitations``."""
        operates(self.access, request)
        asked = await body_of(request, Asked)
        claimed(self.access, request, parse_stream_id(asked.stream))
        targets = self.models.catalogue.all_targets
        made = await self.invitations.make(asked, self.external_url(request), targets)
        return web.json_response(made, headers={hdrs.CACHE_CONTROL: "no-store"})

    async def list_models(self, request: web.Request) -> web.Response:
        """Which models hear, translate and speak, and which could be fetched besides."""
        claimed(self.access, request, "*")
        return web.json_response(listing.uses(self.models.catalogue))

    async def drain(self, request: web.Request) -> web.Response:
        """Let the streams of a machine that interprets go to others at their next pauses, or stay
        again: ``{"on": true}``."""
        claimed(self.access, request, "*")
        asked = await body_of(request, _Drain)
        name = request.match_info["machine"]
        if not self.board.drain(name, asked.on):
            raise ProtocolError("bad_message", f"There is no machine {excerpt(name)} now.")
        return web.json_response({"draining": asked.on})

    def _live(self, request: web.Request) -> LiveStream:
        """The stream in the request's path. Raises ProtocolError if there is none, or the client
        may not operate it."""
        stream = parse_stream_id(request.match_info["stream"])
        claimed(self.access, request, stream)
        for live in self.live:
            if live.stream.id == stream and not live.stream.is_private:
                return live
        raise ProtocolError("bad_stream", f"There is no stream {stream!r} now.")


def _part(state: Json, only: str | None) -> Json:
    """What an operator of one stream may see; None: of all."""
    if only is None:
        return state
    streams = {name: each for name, each in state["streams"].items() if name == only}
    news = {n: each for n, each in state["news"].items() if each.get("stream", only) == only}
    return {**state, "streams": streams, "machines": {}, "news": news}


def _event(name: str, data: Json) -> bytes:
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _refusing(handler: Handler) -> Handler:
    """``handler``; its ProtocolErrors are answered as JSON."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ProtocolError as error:
            raise Refusal(error) from error

    return answered


def _send_away(speaker: Session) -> None:
    if speaker.speaks_now and speaker.stream.ended_by_operator:
        speaker.dismiss(dismissals.ended())
