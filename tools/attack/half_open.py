"""Floods the server with offers that are never completed: do honest listeners of the same address
get in?

The limit on sessions per address is lifted, because the limit on connections that are being set up
is what is tested.
"""

import asyncio
from dataclasses import dataclass

import aiohttp
import msgspec

from server.client.participants import Listener, Refused
from server.media.places import PLACES
from server.media.transport import new_connection
from signaling import messages as wire
from tools.attack.target import attacked
from tools.figures import Figure

COUNT, QUICK_COUNT = 1_000, 50
RATE_PER_S = 500
HONEST, QUICK_HONEST = 10, 1
#: Honest listeners come this long after the flood began.
HONEST_AFTER_S = 1.0
#: The longest wait for anything.
PATIENCE_S = 90.0
#: Stays that overlap by less do not count as simultaneous: messages may have been read in
#: another order than they were sent in.
READING_S = 0.5

_decoder: msgspec.json.Decoder[wire.ServerMessage] = msgspec.json.Decoder(wire.ServerMessage)


@dataclass
class Offered:
    """The result of an offer, times on the loop's clock. ``refused``: asked to come back later."""

    answered_s: float | None = None
    gone_s: float | None = None
    refused: bool = False


async def run(quick: bool) -> list[Figure]:
    count = QUICK_COUNT if quick else COUNT
    offers = [Offered() for _ in range(count)]
    lifted = ("--max-sessions-per-address", "5000", "--max-listeners", "5000")
    async with attacked(*lifted) as target:
        url = target.server.url
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            asyncio.timeout(PATIENCE_S),
            asyncio.TaskGroup() as group,
        ):
            honest = [
                group.create_task(_joined_s(url), name=f"honest-{number}")
                for number in range(QUICK_HONEST if quick else HONEST)
            ]
            text = await _offer()
            for number, offered in enumerate(offers):
                group.create_task(_half(http, url, text, offered), name=f"half-{number}")
                await asyncio.sleep(1 / RATE_PER_S)
    stays = [
        (each.answered_s, each.gone_s)
        for each in offers
        if each.answered_s is not None and each.gone_s is not None
    ]
    refused = sum(each.refused for each in offers)
    return [
        Figure("half_open.offers", count, ""),
        Figure("half_open.admitted", len(stays), ""),
        Figure("half_open.asked_to_come_back", refused, ""),
        Figure("half_open.otherwise", count - len(stays) - refused, "", bound=0),
        Figure("half_open.admitted_at_a_time", _most_at_once(stays), "", bound=PLACES),
        Figure(
            "half_open.stayed_max",
            max((gone - answered for answered, gone in stays), default=None),
            "s",
            bound=20,
        ),
        Figure("half_open.honest_joined_max", max(each.result() for each in honest), "s", bound=10),
        target.faultless("half_open"),
    ]


async def _offer() -> str:
    """An SDP offer of a listener."""
    connection = new_connection()
    connection.addTransceiver("audio", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    sdp = connection.localDescription.sdp
    await connection.close()
    return msgspec.json.encode(wire.Offer(sdp=sdp)).decode()


async def _half(http: aiohttp.ClientSession, url: str, offer: str, offered: Offered) -> None:
    """Send an offer and no STUN check."""
    loop = asyncio.get_running_loop()
    async with http.ws_connect(f"{url}/ws/listen/hall") as socket:
        await socket.send_str('{"type": "join"}')
        await socket.send_str(offer)
        async for frame in socket:
            match _decoder.decode(frame.data):
                case wire.Answer():
                    offered.answered_s = loop.time()
                case wire.Error(code="limit", retry_after_s=float() | int()):
                    offered.refused = True
                case wire.Error(code="timeout"):
                    offered.gone_s = loop.time()
                    return


async def _joined_s(url: str) -> float:
    """The time until an honest listener hears something. It comes back if it is asked to."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(HONEST_AFTER_S)
    began_s = loop.time()
    while True:
        try:
            async with Listener(url, "hall") as listener:
                while not len(listener.arrivals):
                    await asyncio.sleep(0.01)
                return loop.time() - began_s
        except Refused as refused:
            error = refused.error
            await asyncio.sleep((error and error.retry_after_s) or 0.5)
        except (ConnectionError, TimeoutError):
            await asyncio.sleep(0.5)


def _most_at_once(stays: list[tuple[float, float]]) -> int:
    """The largest number of offers that were open at the same time."""
    changes = [(since, 1) for since, _ in stays]
    changes += [(max(since, until - READING_S), -1) for since, until in stays]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most
