"""The interpreters of all machines, as a hub's streams use them. Both ends of the links are in
memory; the decisions are real."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import msgspec
import pytest

from server.bus.messages import (
    AudioChunk,
    Caption,
    Committed,
    Demand,
    Drain,
    Failure,
    Heartbeat,
    Message,
    Models,
    Reload,
    Speech,
)
from server.bus.protocol import Bus
from server.cluster.offers import Offer
from server.cluster.pool import Pool
from server.config import STARTER_MODELS
from server.models.catalogue import Catalogue
from server.models.current import encoded, version
from tests.helpers.interpretation import MemoryBus
from tests.helpers.waiting import until

CATALOGUE = Catalogue.load(STARTER_MODELS)
MODELS = Models(version=version(CATALOGUE), manifest=encoded(CATALOGUE))


def beat(worker: str = "1", ready: bool = True) -> Heartbeat:
    return Heartbeat(stream="", epoch=0, worker=worker, ready=ready, version=MODELS.version)


def demand(stream: str = "hall", epoch: int = 0, speech: tuple[str, ...] = ("en",)) -> Demand:
    return Demand(stream=stream, epoch=epoch, source="nl", speech=speech)


def speech(language: str, epoch: int = 0) -> Speech:
    return Speech(
        stream="hall", epoch=epoch, language=language, segment=0, play_at=0,
        start_sample=0, end_sample=0, rate_hz=16_000, pcm=b"",
    )  # fmt: skip


class Hub:
    """A pool, the interpreters' ends of its links, and what it has told."""

    def __init__(self) -> None:
        self.ends: dict[str, MemoryBus] = {}
        self.pool = Pool(self._connect)
        self.lost: list[tuple[set[str], bool, bool]] = []
        self.pool.on_lost = lambda *lost: self.lost.append(lost)

    @asynccontextmanager
    async def _connect(self, name: str) -> AsyncIterator[Bus[Message]]:
        self.ends[name] = MemoryBus()
        yield self.ends[name]

    async def machine(self, name: str, cores: float = 4) -> MemoryBus:
        """A machine that is ready."""
        self.pool.offered(name, Offer(cores))
        await until(lambda: name in self.ends)
        self.ends[name].send(MODELS, beat())
        await until(lambda: name in self.pool.names)
        return self.ends[name]

    async def told(self) -> Message:
        async with asyncio.timeout(5):
            return await self.pool.receive()


@asynccontextmanager
async def running() -> AsyncIterator[Hub]:
    made = Hub()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.pool.run())
        yield made
        task.cancel()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with running() as made:
        yield made


async def test_a_stream_goes_to_one_machine_with_its_audio(hub: Hub) -> None:
    large, small = await hub.machine("large", 8), await hub.machine("small", 1)
    chunk = AudioChunk(stream="hall", epoch=0, start_sample=0, pcm=bytes(640))
    for message in (demand(), chunk):
        hub.pool.publish(message)
    assert large.published == [demand(), chunk]
    assert small.published == []


async def test_only_the_owner_of_a_language_is_heard(hub: Hub) -> None:
    await hub.machine("large", 8)
    other = await hub.machine("small", 1)
    hub.pool.publish(demand())
    other.send(speech("en"))
    hub.ends["large"].send(speech("en", epoch=7))
    assert await hub.told() == speech("en", epoch=7)
    assert hub.pool.dropped["fenced"] == 1


async def test_machines_that_share_a_stream_commit_together(hub: Hub) -> None:
    one, two = await hub.machine("one", 1), await hub.machine("two", 1)
    hub.pool.publish(demand(speech=("en", "de")))
    parts = [end.of(Demand)[-1] for end in (one, two)]
    assert sorted(each.captions for each in parts) == [False, True]
    assert sorted(language for each in parts for language in each.speech) == ["de", "en"]
    one.send(Committed(stream="hall", epoch=0, sample=300))
    two.send(Committed(stream="hall", epoch=0, sample=100))
    assert await hub.told() == Committed(stream="hall", epoch=0, sample=100)


async def test_a_lost_machine_s_streams_go_to_another(hub: Hub) -> None:
    large, small = await hub.machine("large", 8), await hub.machine("small", 1)
    hub.pool.publish(demand())
    large.close()
    await until(lambda: hub.lost == [({"hall"}, True, False)])
    hub.pool.publish(demand(epoch=1))
    assert small.published == [demand(epoch=1)]
    assert (hub.pool.restarts, hub.pool.why_lost) == (1, "large is gone")


@pytest.mark.parametrize("said", [beat("2"), beat("1", ready=False)], ids=["another", "none"])
async def test_a_process_that_was_lost_there_counts_as_lost(hub: Hub, said: Heartbeat) -> None:
    machine = await hub.machine("only")
    hub.pool.publish(demand())
    machine.send(said)
    await until(lambda: hub.lost == [({"hall"}, False, True)])


async def test_a_machine_that_leaves_gives_its_streams_away(hub: Hub) -> None:
    large, small = await hub.machine("large", 8), await hub.machine("small", 1)
    hub.pool.publish(demand())
    hub.pool.offered("large", Offer(8, leaving=True))
    assert hub.lost == [({"hall"}, True, False)] and hub.pool.names == ["small"]
    hub.pool.publish(demand(epoch=1))
    large.send(beat())
    large.send(speech("en"))
    await large.taken()
    assert small.published == [demand(epoch=1)]
    assert hub.pool.names == ["small"]


async def test_a_language_that_no_machine_has_models_for_fails(hub: Hub) -> None:
    await hub.machine("only")
    hub.pool.publish(demand(speech=("el",)))
    told = await hub.told()
    assert isinstance(told, Failure) and (told.language, told.failing) == ("el", True)


async def test_models_whose_message_was_lost_are_asked_for(hub: Hub) -> None:
    hub.pool.offered("late", Offer(4))
    await until(lambda: "late" in hub.ends)
    hub.ends["late"].send(beat())
    await hub.ends["late"].wait_for(Reload)
    assert not hub.pool.ready


async def test_what_makes_no_sense_is_dropped_and_counted(hub: Hub) -> None:
    machine = await hub.machine("broken")
    hub.pool.publish(demand())
    good = speech("en")
    for wrong in (
        msgspec.structs.replace(good, pcm=b"odd"),
        msgspec.structs.replace(good, rate_hz=0),
        msgspec.structs.replace(good, play_at=-1),
        Committed(stream="hall", epoch=0, sample=2**62),
        demand(),
        Models(version="other", manifest=b"{"),
    ):
        machine.send(wrong)
    machine.send(good)
    assert await hub.told() == good
    assert hub.pool.dropped["invalid"] == 6


async def test_what_nobody_takes_is_counted(hub: Hub) -> None:
    hub.pool.publish(AudioChunk(stream="hall", epoch=0, start_sample=0, pcm=bytes(640)))
    assert hub.pool.dropped["unplaced"] == 1


def caption(status: Literal["partial", "final"], end: int) -> Caption:
    return Caption(
        stream="hall", epoch=0, language="nl", segment=0, revision=0, status=status,
        start_sample=0, end_sample=end, text="goedemorgen",
    )  # fmt: skip


async def test_a_drained_machine_s_streams_move_when_they_pause(hub: Hub) -> None:
    large, small = await hub.machine("large", 8), await hub.machine("small", 2)
    hub.pool.publish(demand())
    pieces = [
        AudioChunk(stream="hall", epoch=0, start_sample=n * 1600, pcm=bytes(3200)) for n in range(4)
    ]
    for piece in pieces:
        hub.pool.publish(piece)
    large.send(caption("partial", 1600))
    await hub.told()
    assert hub.pool.drain("large", True) and not hub.pool.drain("nobody", True)
    assert large.of(Drain) == [Drain(on=True)]
    hub.pool.publish(demand())
    assert small.published == []  # somebody speaks
    large.send(caption("final", 3200), Committed(stream="hall", epoch=0, sample=3200))
    await until(lambda: bool(small.published))
    assert small.published == [demand(), *pieces[2:]]
    assert large.of(Demand)[-1] == msgspec.structs.replace(demand(), speech=(), captions=False)
    assert hub.lost == [] and [served for _, served in hub.pool.machines()] == [
        {},
        {"hall": ["en"]},
    ]


async def test_draining_that_is_taken_back_moves_nothing(hub: Hub) -> None:
    await hub.machine("large", 8)
    small = await hub.machine("small", 2)
    hub.pool.publish(demand())
    hub.pool.drain("large", True)
    hub.pool.drain("large", False)
    hub.pool.publish(demand())
    assert small.published == []
    hub.pool.offered("large", Offer(8, draining=True))  # by another hub
    hub.pool.publish(demand())
    assert small.of(Demand) == [demand()]


async def test_further_languages_are_refused_before_a_machine_is_full(hub: Hub) -> None:
    """A language counts at once, and again when it is measured."""
    await hub.machine("only", 1.8)
    hub.pool.publish(demand())
    assert [hub.pool.has_room("hall", each) for each in ("de", "fr", "de")] == [True, True, False]
    await hub.machine("new", 4)
    assert hub.pool.has_room("hall", "de")


async def test_what_loading_models_takes_is_no_load(hub: Hub) -> None:
    only = await hub.machine("only", 2)
    for second in range(20):
        await asyncio.sleep(0.01)
        only.send(msgspec.structs.replace(beat("2", ready=False), cpu_s=float(second)))
    for _ in range(2):  # it is ready; then another process is, which was a spare
        only.send(msgspec.structs.replace(beat("2"), cpu_s=20.0))
        only.send(msgspec.structs.replace(beat("3"), cpu_s=30.0))
    await only.taken()
    ((machine, _),) = hub.pool.machines()
    await until(lambda: machine.worker == "3")
    assert machine.load == 0
    assert hub.pool.has_room("hall", "en")


def failure(language: str, failing: bool = True) -> Failure:
    reason: Literal["broken", ""] = "broken" if failing else ""
    return Failure(stream="hall", epoch=0, language=language, failing=failing, reason=reason)


async def test_a_language_that_a_machine_cannot_do_although_it_says_so_goes_to_another(
    hub: Hub,
) -> None:
    liar, honest = await hub.machine("liar", 64), await hub.machine("honest", 2)
    hub.pool.publish(demand(speech=("en", "de")))
    assert honest.published == []
    liar.send(failure("en"), speech("de"))
    assert await hub.told() == speech("de")  # listeners are told of no failure
    assert honest.of(Demand)[-1].speech == ("en",)
    hub.pool.publish(demand(speech=("en", "de")))
    assert (liar.of(Demand)[-1].speech, honest.of(Demand)[-1].speech) == (("de",), ("en",))
    liar.send(failure("de"))
    await until(lambda: honest.of(Demand)[-1].speech == ("en", "de"))
    assert honest.of(Demand)[-1].captions  # perhaps it does not even hear it


async def test_a_failure_that_nobody_can_help_is_told(hub: Hub) -> None:
    liar, honest = await hub.machine("liar", 64), await hub.machine("honest", 2)
    hub.pool.publish(demand())
    liar.send(failure("en"))
    await until(lambda: bool(honest.of(Demand)))
    honest.send(failure("en"))
    assert await hub.told() == failure("en")
