"""Several machines, joined by NATS: some are killed, some are cut off from each other.

Each machine is a network namespace. An interpreted stream, "talk", is listened to by one who hears
English; in another one, "hall", everybody hears the floor, in which there are no pauses.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from server.client.participants import Listener
from signaling.messages import Caption, ChannelState
from tools.bench.recovery import CLIP, first_sound_after
from tools.bench.serving import Speaking
from tools.chaos.people import Guest, audience, listening
from tools.chaos.site import EDGE, FIRST, HUB, NATS, OTHER_EDGE, SECOND, Site, site
from tools.chaos.surroundings import not_here
from tools.figures import Figure

#: At the hub, and as many at an edge.
LISTENERS, QUICK_LISTENERS = 20, 2
#: The same when NATS is killed.
MANY, QUICK_MANY = 50, 2
CUT_S, QUICK_CUT_S = 30.0, 10.0
#: How often an interpreter and NATS are killed. The first is an even number, see CUTS.
KILLS, QUICK_KILLS = 4, 1
NATS_KILLS, QUICK_NATS_KILLS = 10, 2
#: The pairs of machines that are cut off from each other, the quick one last. All that machines say
#: to each other goes through NATS. At first ``FIRST`` interprets.
CUTS: Final = (
    (FIRST, NATS), (HUB, FIRST), (EDGE, NATS), (EDGE, HUB), (EDGE, FIRST), (HUB, NATS),
)  # fmt: skip
#: What the clip takes to be heard, before a fault and after it.
HEARD_S: Final = 8.0
#: People are watched for so long when nothing has to be interpreted.
WATCHED_S: Final = 5.0
NATS_GONE_S: Final = 1.0
LIVE_S: Final = 40.0
#: Bounds. A packet comes every 20 ms; browsers hide that one is so late.
GAP_S, BUSY_GAP_S = 0.3, 1.0
BACK_S, HUB_AGAIN_S, EDGE_AGAIN_S = 3.0, 5.0, 2.0
#: Captions of the same speech may begin and end a little apart.
OVERLAP_MS: Final = 300


async def machines(quick: bool, busy: bool) -> list[Figure]:
    try:
        async with site() as here:
            return await _all(here, quick, BUSY_GAP_S if busy or quick else GAP_S)
    except PermissionError:
        return not_here("machines")


async def _all(here: Site, quick: bool, gap_s: float) -> list[Figure]:
    figures: list[Figure] = []
    async with _people(here, QUICK_LISTENERS if quick else LISTENERS) as people:
        await here.interpret(SECOND)
        await here.has_machines(2)
        figures += await _interpreters_killed(here, people, QUICK_KILLS if quick else KILLS)
        for one, other in CUTS[-1 if quick else 0 :]:
            figures += await _cut(here, people, one, other, QUICK_CUT_S if quick else CUT_S, gap_s)
        twice = heard_twice([each for _, each in people.heard.captions])
        figures.append(Figure("machines.heard_twice", twice, "", bound=0))
        figures += await _server_killed(here, people)
        figures += await _edge_killed(here, people)
    await here.serve(EDGE)
    async with _people(here, QUICK_MANY if quick else MANY) as people:
        times = QUICK_NATS_KILLS if quick else NATS_KILLS
        figures += await _nats_killed(here, people, times, gap_s)
    return figures


@dataclass
class _People:
    """``near`` hear the floor of one stream at the hub, where it is spoken; ``far`` at an edge.
    ``heard`` hears the interpretation of another."""

    near: list[Guest]
    far: list[Guest]
    heard: Listener

    def rejoined(self) -> int:
        """How often guests have joined again so far."""
        return sum(len(guest.stays) - 1 for guest in (*self.near, *self.far))

    def is_interpreted(self) -> bool:
        """Whether there is an interpretation, as far as was told."""
        told = [each for _, each in self.heard.received if isinstance(each, ChannelState)]
        return bool(told) and _is_interpreted(told[-1])

    async def interpreted_s(self, since: int) -> float | None:
        """When it was told that there is one, in ``heard.received[since:]``; None if it was not."""
        with suppress(TimeoutError):
            await self.heard.expect(ChannelState, _is_interpreted, since=since, within_s=LIVE_S)
            return asyncio.get_running_loop().time()
        return None

    def sound_s(self, since_s: float | None) -> float | None:
        """When the first interpreted sound came after ``since_s``."""
        return None if since_s is None else first_sound_after(self.heard, since_s)


def _is_interpreted(told: ChannelState) -> bool:
    """A machine that was too slow is called so until it speaks in time again."""
    return told.status == "live" or told.reason == "slow"


@asynccontextmanager
async def _people(here: Site, count: int) -> AsyncIterator[_People]:
    url = here.url(HUB)
    far = [Guest([here.url(EDGE), here.url(OTHER_EDGE)]) for _ in range(count)]
    async with (
        audience(url, count) as near,
        listening(far),
        Listener(url, "talk", "en", captions=["en"], keep_sound=True) as heard,
        Speaking(url, "talk", "nl", CLIP),
    ):
        people = _People(near, far, heard)
        await people.interpreted_s(0)
        yield people


def _longest(times_s: Sequence[float | None]) -> float | None:
    """The longest; None if one has none: somebody hears nothing any more."""
    known = [each for each in times_s if each is not None]
    return max(known) if len(known) == len(times_s) else None


def _after(at_s: float | None, since_s: float) -> float | None:
    return None if at_s is None else at_s - since_s


def _silent_s(guests: Sequence[Guest], since_s: float) -> float | None:
    """The longest time without a packet that a guest had."""
    return _longest([guest.again_s(since_s) for guest in guests])


def _first_s(guests: Sequence[Guest], since_s: float) -> float | None:
    """When the last of the guests got a packet again."""
    return _longest([guest.first_after_s(since_s) for guest in guests])


async def _interpreters_killed(here: Site, people: _People, times: int) -> list[Figure]:
    """Kill the machine that interprets, each time the other one, and start it again."""
    loop, again_s = asyncio.get_running_loop(), list[float | None]()
    for number in range(times):
        killed = (FIRST, SECOND)[number % 2]
        await asyncio.sleep(HEARD_S)
        since, at_s = len(people.heard.received), loop.time()
        await here.kill(killed)
        told_s = await people.interpreted_s(since)
        await asyncio.sleep(HEARD_S)
        again_s.append(_after(people.sound_s(told_s), at_s))
        await here.interpret(killed)
        await here.has_machines(2)
    return [
        Figure("machines.interpreter_kills", times, ""),
        Figure("machines.interpreter_killed_heard_again_max", _longest(again_s), "s", bound=BACK_S),
        Figure("machines.interpreter_killed_listeners_lost", people.rejoined(), "", bound=0),
    ]


async def _cut(
    here: Site, people: _People, one: str, other: str, seconds: float, gap_s: float
) -> list[Figure]:
    """Cut two machines off from each other for a while."""
    loop, before = asyncio.get_running_loop(), people.rejoined()
    since, cut_s = len(people.heard.received), loop.time()
    here.network.cut(one, other)
    await asyncio.sleep(seconds)
    goes_on, mended_s = people.is_interpreted(), loop.time()
    here.network.mend(one, other)
    told_s = mended_s if goes_on else await people.interpreted_s(since)
    await here.has_machines(2)
    back_s: list[float | None] = [loop.time() - mended_s]
    await asyncio.sleep(HEARD_S)
    if not goes_on:
        back_s.append(_after(people.sound_s(told_s), mended_s))
    name = f"machines.cut_{one}_{other}".replace("-1", "")
    far_s = _silent_s(people.far, cut_s)
    return [
        Figure(f"{name}", seconds, "s"),
        Figure(f"{name}_floor_silent_max", _silent_s(people.near, cut_s), "s", bound=gap_s),
        Figure(f"{name}_floor_at_edge_silent_max", far_s, "s"),
        Figure(f"{name}_floor_at_edge_back", _first_s(people.far, mended_s), "s", bound=BACK_S),
        Figure(f"{name}_interpreted_at_the_end", int(goes_on), ""),
        Figure(f"{name}_back", _longest(back_s), "s", bound=BACK_S),
        Figure(f"{name}_listeners_lost", people.rejoined() - before, "", bound=0),
    ]


async def _server_killed(here: Site, people: _People) -> list[Figure]:
    """Kill the hub, and start it again at once, as systemd does after a second."""
    at_s = asyncio.get_running_loop().time()
    await here.kill(HUB)
    await here.serve(HUB)
    await asyncio.sleep(WATCHED_S)
    return [
        Figure(
            f"machines.hub_killed_heard_again_{where}_max",
            _silent_s(guests, at_s),
            "s",
            bound=HUB_AGAIN_S,
        )
        for where, guests in (("there", people.near), ("at_edge", people.far))
    ]


async def _edge_killed(here: Site, people: _People) -> list[Figure]:
    """Kill an edge. Its listeners know another one."""
    await here.serve(OTHER_EDGE)
    before, at_s = people.rejoined(), asyncio.get_running_loop().time()
    await here.kill(EDGE)
    await asyncio.sleep(WATCHED_S)
    again_s = _silent_s(people.far, at_s)
    return [
        Figure("machines.edge_killed_listeners", len(people.far), ""),
        Figure("machines.edge_killed_joined_again", people.rejoined() - before, ""),
        Figure("machines.edge_killed_heard_again_max", again_s, "s", bound=EDGE_AGAIN_S),
    ]


async def _nats_killed(here: Site, people: _People, times: int, gap_s: float) -> list[Figure]:
    """Kill NATS again and again, and start it."""
    loop = asyncio.get_running_loop()
    began_s, back_s, far_s = loop.time(), list[float | None](), list[float | None]()
    for _ in range(times):
        here.nats.kill()
        await here.has_machines(0)
        await asyncio.sleep(NATS_GONE_S)
        since = len(people.heard.received)
        here.nats.start()
        started_s = loop.time()
        told_s = await people.interpreted_s(since)
        await here.has_machines(2)
        back_s.append(None if told_s is None else loop.time() - started_s)
        await asyncio.sleep(WATCHED_S)
        far_s.append(_first_s(people.far, started_s))
    silent_s = _silent_s(people.near, began_s)
    return [
        Figure("machines.nats_kills", times, ""),
        Figure("machines.nats_killed_listeners", len(people.near) + len(people.far), ""),
        Figure("machines.nats_killed_floor_silent_max", silent_s, "s", bound=gap_s),
        Figure("machines.nats_killed_floor_at_edge_back_max", _longest(far_s), "s", bound=BACK_S),
        Figure("machines.nats_killed_back_max", _longest(back_s), "s", bound=BACK_S),
        Figure("machines.nats_killed_listeners_lost", people.rejoined(), "", bound=0),
    ]


def heard_twice(captions: Sequence[Caption]) -> int:
    """How many sentences of one language were spoken although another one interprets the same
    speech."""
    finals = [each for each in captions if each.status == "final"]
    skipped = {each.segment for each in finals if each.skipped}
    spoken = {
        each.segment: (each.start_ms, each.end_ms) for each in finals if each.segment not in skipped
    }
    times = sorted(spoken.values())
    return sum(min(one[1], two[1]) - two[0] > OVERLAP_MS for one, two in pairwise(times))
