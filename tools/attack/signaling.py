"""Sends mutated offers and messages: is each answered quickly, and with a typed message?

Each is tried twice: with the functions that check messages in a server, to measure their processor
time, and over a WebSocket with a running server.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import aiohttp
import msgspec

from server.media import rtp
from server.media.opus import SAMPLES_PER_TICK
from server.media.sdp import read
from server.media.transport import new_connection
from signaling import messages as wire
from signaling.errors import ProtocolError
from signaling.protocol import LISTENER, SPEAKER, TALK, Conversation, Role
from tools.attack.mutation import Mutator
from tools.attack.target import attacked
from tools.figures import Figure

COUNT, QUICK_COUNT = 20_000, 150
SEED = 7
WORKERS = 4
#: Cases per session, few enough for the limits on faults and messages of a session.
IN_A_SESSION = 8
#: Each worker uses so many streams in turn.
STREAMS = 8
ANSWERED_WITHIN_S = 10.0
#: Lines that browsers offer and aiortc does not.
_BROWSERS_LINES = (
    *("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=rtcp-fb:96 transport-cc"),
    *("a=fmtp:96 minptime=10;useinbandfec=1", "a=msid:- track", "a=ssrc:7 cname:a"),
    *("a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host", "a=ice-options:trickle"),
)
_decoder: msgspec.json.Decoder[wire.ServerMessage] = msgspec.json.Decoder(wire.ServerMessage)


class Case(NamedTuple):
    """A text or binary message. ``first``: it is sent in place of the join."""

    role: str
    said: str | bytes
    first: bool


#: By name of the role: its protocol, its path, and examples of its messages.
ROLES: dict[str, tuple[Role[Any], str, tuple[dict[str, Any], ...]]] = {
    "listener": (
        LISTENER,
        "/ws/listen/{stream}",
        (
            {"type": "join", "channel": "en", "captions": ["nl"], "resume": "x"},
            {"type": "select", "channel": "en+floor", "captions": ["en", "nl"]},
        ),
    ),
    "speaker": (
        SPEAKER,
        "/ws/speak/{stream}",
        (
            {"type": "join", "language": "nl", "take_over": True, "token": "x"},
            {"type": "pause", "paused": True},
            {"type": "end"},
        ),
    ),
    "talk": (TALK, "/ws", ({"type": "join", "language": "nl", "target": "en"},)),
    "microphone": (SPEAKER, "/ws/speak/{stream}", ()),
}
JOINS = {
    "listener": {"type": "join"},
    "speaker": {"type": "join", "language": "nl"},
    "talk": {"type": "join", "language": "nl", "target": "en"},
    "microphone": {"type": "join", "language": "nl", "audio": "socket-opus"},
}
#: The share of messages that are packets of sound.
SOUNDS = 0.1


async def run(quick: bool) -> list[Figure]:
    count = QUICK_COUNT if quick else COUNT
    mutator = Mutator(SEED)
    cases = [*_offers(count, await _browsers_offers(), mutator), *_messages(count, mutator)]
    mutator.random.shuffle(cases)
    gc.freeze()  # otherwise collecting garbage among all these cases would be measured
    judged = [_judged(case) for case in cases]
    gc.unfreeze()
    outcomes = Counter[str]()
    async with attacked("--max-streams", "500") as target:
        waiting = iter(cases)
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                worker = _Worker(target.server.url, number, outcomes)
                group.create_task(worker.tell_all(waiting), name=f"worker-{number}")
    return [
        Figure("signaling.offers", count, ""),
        Figure("signaling.messages", count, ""),
        Figure("signaling.crashes", sum(crashed for _, crashed in judged), "", bound=0),
        Figure("signaling.held_the_loop_max", max(took_s for took_s, _ in judged) * 1e3, "ms", 20),
        *(Figure(f"signaling.{name}", outcomes[name], "") for name in ("refused", "taken")),
        Figure("signaling.answers_untyped", outcomes["untyped"], "", bound=0),
        Figure("signaling.internal_errors", outcomes["internal"], "", bound=0),
        target.faultless("signaling"),
    ]


def _judged(case: Case) -> tuple[float, bool]:
    """The processor time in seconds, and whether an unexpected exception was raised."""
    role = ROLES[case.role][0]
    conversation: Conversation[Any] = Conversation(role)
    if not case.first:
        conversation.receive_text(json.dumps(JOINS[case.role]))
    crashed, began_s = False, time.thread_time()
    try:
        if isinstance(case.said, bytes):
            message = conversation.receive_bytes(case.said)
        else:
            message = conversation.receive_text(case.said)
        if isinstance(message, wire.Offer):
            read(message.sdp)
    except ProtocolError:
        pass
    except Exception as error:  # noqa: BLE001  what is looked for
        print(f"{case.role}: {error!r}: {case.said[:200]!r}", file=sys.stderr)
        crashed = True
    return time.thread_time() - began_s, crashed


async def _browsers_offers() -> dict[str, str]:
    """SDP offers of browsers, by role."""
    offers = {}
    for role, (judge, *_) in ROLES.items():
        connection = new_connection()
        connection.addTransceiver("audio", direction=judge.direction)
        await connection.setLocalDescription(await connection.createOffer())
        lines = "".join(f"{line}\r\n" for line in _BROWSERS_LINES)
        offers[role] = connection.localDescription.sdp + lines
        await connection.close()
    return offers


def _offers(count: int, offers: dict[str, str], mutator: Mutator) -> Iterator[Case]:
    for _ in range(count):
        role = _role(mutator)
        offer = {"type": "offer", "sdp": mutator.lines(offers[role])}
        yield Case(role, json.dumps(offer), first=False)


def _messages(count: int, mutator: Mutator) -> Iterator[Case]:
    for number in range(count):
        if mutator.random.random() < SOUNDS:
            packet = rtp.packed(number, number * SAMPLES_PER_TICK, mutator.random.randbytes(80))
            yield Case("microphone", mutator.data(packet), first=False)
            continue
        role = _role(mutator)
        message = mutator.random.choice(ROLES[role][2])
        first = message["type"] == "join" and mutator.random.random() < 0.3
        yield Case(role, mutator.message(message), first)


def _role(mutator: Mutator) -> str:
    return mutator.random.choices(list(ROLES), (6, 3, 1, 0))[0]


class _Worker:
    """Sends one case after the other, in as many sessions as needed. ``outcomes``: of the cases:
    "refused" by a typed error, "taken", "untyped" or "internal"."""

    def __init__(self, url: str, number: int, outcomes: Counter[str]) -> None:
        self._url = url
        self._number = number
        self._outcomes = outcomes
        self._sessions = 0

    async def tell_all(self, cases: Iterator[Case]) -> None:
        waiting: dict[str, list[Case]] = {}
        async with aiohttp.ClientSession() as http:
            for case in cases:
                if case.first:
                    await self._session(http, case.role, [case])
                    continue
                together = waiting.setdefault(case.role, [])
                together.append(case)
                if len(together) == IN_A_SESSION:
                    await self._session(http, case.role, waiting.pop(case.role))
            for role, rest in waiting.items():
                await self._session(http, role, rest)

    async def _session(self, http: aiohttp.ClientSession, role: str, cases: list[Case]) -> None:
        """Send the cases. If a case ends the session, another session is begun."""
        left = iter(cases)
        done = 0
        while done < len(cases):
            self._sessions += 1
            stream = f"w{self._number}-{self._sessions % STREAMS}"
            path = ROLES[role][1].format(stream=stream)
            async with http.ws_connect(self._url + path) as socket:
                if not cases[done].first:
                    await socket.send_json(JOINS[role])
                for case in left:
                    done += 1
                    if not await self._told(socket, case):
                        break

    async def _told(self, socket: aiohttp.ClientWebSocketResponse, case: Case) -> bool:
        """Send a case, then a ping: after the pong there are no more answers to the case. Returns
        whether the session goes on."""
        outcome = "taken"
        try:
            await _say(socket, case.said)
            await _say(socket, '{"type": "ping"}')
        except (ConnectionError, aiohttp.ClientError):
            pass  # the answer is read below
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            async for frame in socket:
                match _typed(frame):
                    case wire.Pong():
                        self._outcomes[outcome] += 1
                        return True
                    case wire.Error(code="internal"):
                        outcome = "internal"
                    case wire.Error():
                        outcome = "refused"
                    case None:
                        outcome = "untyped"
        if outcome == "taken" and socket.close_code != aiohttp.WSCloseCode.OK:
            outcome = "untyped"  # closed without an error message
        self._outcomes[outcome] += 1
        return False


async def _say(socket: aiohttp.ClientWebSocketResponse, said: str | bytes) -> None:
    """Send a message, which may be invalid UTF-8."""
    if isinstance(said, bytes):
        await socket.send_bytes(said)
    else:
        await socket.send_frame(said.encode(errors="surrogatepass"), aiohttp.WSMsgType.TEXT)


def _typed(frame: aiohttp.WSMessage) -> wire.ServerMessage | None:
    try:
        return _decoder.decode(cast(str, frame.data))
    except (msgspec.MsgspecError, TypeError):
        return None
