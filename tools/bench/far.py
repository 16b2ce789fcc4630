"""A speaker and listeners with a delay of 600 ms, for ten minutes: is any session ended wrongly?"""

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
#: Both are longer than the time after which a silent client counts as gone.
SECONDS, QUICK_SECONDS = 600.0, 42.0
CHANNELS = ("floor", "en", "en+floor")
#: Longer than every pause in the clip: who hears nothing for this long has lost the sound.
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
    """Speak until the session ends."""
    while not speaker.closed:
        await speaker.play(clip("nl"))


def _is_gone(participant: Participant) -> bool:
    """Whether the session ended, or sound stopped in either direction."""
    return (
        participant.closed
        or participant.connection.connectionState != "connected"
        or any(isinstance(message, wire.Error) for _, message in participant.received)
    )
