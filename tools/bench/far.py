"""A speaker and listeners 600 ms away, for ten minutes: is anybody taken for gone?"""

import asyncio
from contextlib import AsyncExitStack

from server.client.conversation import Participant, alongside
from server.client.participants import Listener, Speaker
from server.demo import clip
from signaling import messages as wire
from tools.bench.serving import serving
from tools.detour import Detour
from tools.figures import Figure
from tools.impair import Network
from tools.packets import missing

ROUND_TRIP_S = 0.6
#: The short time too is longer than it takes to be taken for gone (consent.EXPIRY_S).
SECONDS, QUICK_SECONDS = 600.0, 42.0
CHANNELS = ("floor", "en", "en+floor")
#: Of the clip no pause is as long: who hears nothing for this time hears nothing any more.
LAST_S = 5.0


async def run(quick: bool) -> list[Figure]:
    seconds = QUICK_SECONDS if quick else SECONDS
    way = Network(delay_s=ROUND_TRIP_S / 2)
    async with serving() as server, AsyncExitStack() as stack:
        through = stack.enter_context(Detour(way, way))
        speaker = await stack.enter_async_context(
            Speaker(server.url, "bench", "nl", through=through)
        )
        listeners = [
            await stack.enter_async_context(Listener(server.url, "bench", channel, through=through))
            for channel in CHANNELS
        ]
        await stack.enter_async_context(alongside(_speak(speaker), "speaking"))
        await asyncio.sleep(seconds - LAST_S)
        heard = [len(each.arrivals) for each in listeners]
        await asyncio.sleep(LAST_S)
        silent = sum(
            len(each.arrivals) == so_far for each, so_far in zip(listeners, heard, strict=True)
        )
        gone = sum(_is_gone(each) for each in (speaker, *listeners))
        lost = sum(missing(each.arrivals.sequences) for each in listeners)
    return [
        Figure("far.round_trip", 1e3 * ROUND_TRIP_S, "ms"),
        Figure("far.seconds", seconds, "s"),
        Figure("far.participants", 1 + len(listeners), ""),
        Figure("far.disconnects", gone, "", bound=0),
        Figure("far.listeners_silent", silent, "", bound=0),
        Figure("far.packets_lost", lost, ""),
    ]


async def _speak(speaker: Speaker) -> None:
    """For as long as its session lasts."""
    while not speaker.closed:
        await speaker.play(clip("nl"))


def _is_gone(participant: Participant) -> bool:
    """Whether its session ended, or its sound did at either end."""
    return (
        participant.closed
        or participant.connection.connectionState != "connected"
        or any(isinstance(message, wire.Error) for _, message in participant.received)
    )
