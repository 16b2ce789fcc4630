"""Which of two hubs has a stream, on a real NATS server with JetStream."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from server.bus.addresses import NatsServer
from server.bus.messages import Demand
from server.bus.nats_connection import Nats
from server.bus.nats_records import NatsRecords
from server.bus.records import Record
from server.cluster import leases
from server.cluster.leases import Holder, Leases
from tests.helpers.line import line
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.waiting import until

DEMAND = Demand(stream="hall", epoch=0, source="nl", speech=("en",))
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsProcess]:
    """A NATS server with JetStream."""
    folder = tmp_path_factory.mktemp("nats")
    with nats_server(folder, jetstream={"store_dir": str(folder)}) as running:
        yield running


@dataclass
class Hub:
    """``spoken``: in which streams somebody speaks. ``lost``: those that another has."""

    nats: Nats
    records: NatsRecords
    leases: Leases
    spoken: set[str] = field(default_factory=set)
    lost: list[tuple[str, Holder]] = field(default_factory=list)

    def epoch(self, stream: str) -> int:
        return self.leases.held(Demand(stream=stream, epoch=0, source="nl")).lease


@asynccontextmanager
async def hub(server: NatsServer, name: str, url: str = "") -> AsyncIterator[Hub]:
    async with Nats.opened([server], name, "hub") as nats, asyncio.TaskGroup() as group:
        records = NatsRecords(nats)
        made = Hub(nats, records, Leases(records, name, url))
        made.leases.spoken = lambda: made.spoken

        def lost(stream: str, holder: Holder) -> None:
            made.lost.append((stream, holder))
            made.spoken.discard(stream)

        made.leases.on_lost = lost
        task = group.create_task(made.leases.run())
        yield made
        task.cancel()


async def epoch_of(hub: Hub, stream: str) -> int:
    """Wait until ``hub`` knows that it has ``stream``: others may hear of it first."""
    await until(lambda: hub.epoch(stream) > 0)
    return hub.epoch(stream)


async def test_a_stream_is_one_hub_s_until_its_speaker_leaves(keeping: NatsProcess) -> None:
    async with hub(keeping.server, "a", "https://a") as a, hub(keeping.server, "b") as b:
        a.spoken.add("one")
        await until(lambda: b.leases.elsewhere("one") is not None and b.leases.is_sure("one"))
        assert b.leases.elsewhere("one") == Holder("a", "https://a")
        assert a.leases.elsewhere("one") is None
        first = await epoch_of(a, "one")
        a.spoken.clear()
        await until(lambda: b.leases.elsewhere("one") is None)
        b.spoken.add("one")
        await until(lambda: b.epoch("one") > first)
        assert a.lost == b.lost == []


async def test_a_lease_is_renewed_and_keeps_its_epoch(keeping: NatsProcess) -> None:
    async with hub(keeping.server, "a") as a, hub(keeping.server, "b") as b:
        a.spoken.add("two")
        await until(lambda: b.leases.elsewhere("two") is not None)
        epoch = await epoch_of(a, "two")
        await asyncio.sleep(3.5)
        await until(lambda: b.leases.elsewhere("two") == Holder("a"))
        assert (a.epoch("two"), a.lost) == (epoch, [])


async def test_of_two_that_begin_at_once_one_has_it(keeping: NatsProcess) -> None:
    async with hub(keeping.server, "a") as a, hub(keeping.server, "b") as b:
        for each in (a, b):
            each.spoken.add("three")
            each.leases.look()
        await until(lambda: len(a.lost + b.lost) == 1, PATIENCE_S)
        winner, loser = (b, a) if a.lost else (a, b)
        assert loser.lost == [("three", Holder(winner.nats.name))]
        assert await epoch_of(winner, "three") > 0 == loser.epoch("three")


async def test_a_lost_hub_s_lease_ends_and_it_is_told_when_it_is_back(keeping: NatsProcess) -> None:
    async with (
        line(keeping.server) as cable,
        hub(cable.server, "a") as a,
        hub(keeping.server, "b", "https://b") as b,
    ):
        a.spoken.add("hall")
        await until(lambda: b.leases.elsewhere("hall") is not None)
        first = await epoch_of(a, "hall")
        cable.cut = True
        await until(lambda: b.leases.elsewhere("hall") is None)
        b.spoken.add("hall")
        await until(lambda: b.epoch("hall") > first)
        await until(lambda: not a.nats.up)
        assert a.lost == [] and a.leases.held(DEMAND).speech == ("en",)
        cable.cut = False
        await until(lambda: a.lost == [("hall", Holder("b", "https://b"))], PATIENCE_S)
        assert a.leases.held(DEMAND).speech == ()


async def test_a_lost_hub_s_lease_ends_also_while_people_keep_joining(keeping: NatsProcess) -> None:
    async def keep_joining(at: Hub) -> None:
        while True:
            at.leases.look()
            await asyncio.sleep(leases.LOOK_S / 3)

    async with (
        line(keeping.server) as cable,
        hub(cable.server, "a") as a,
        hub(keeping.server, "b") as b,
        asyncio.TaskGroup() as group,
    ):
        a.spoken.add("nine")
        await until(lambda: b.leases.elsewhere("nine") is not None)
        joining = group.create_task(keep_joining(b))
        cable.cut = True
        await until(lambda: b.leases.elsewhere("nine") is None, PATIENCE_S)
        joining.cancel()


async def test_a_hub_that_is_back_before_anybody_wanted_its_stream_has_it(
    keeping: NatsProcess,
) -> None:
    async with line(keeping.server) as cable, hub(cable.server, "a") as a:
        a.spoken.add("four")
        epoch = await epoch_of(a, "four")
        cable.cut = True
        await until(lambda: not a.nats.up)
        await asyncio.sleep(1)
        cable.cut = False
        async with hub(keeping.server, "b") as b:
            await until(lambda: b.leases.elsewhere("four") == Holder("a"), PATIENCE_S)
        assert (a.epoch("four"), a.lost) == (epoch, [])


async def test_who_may_takes_a_stream_over_from_another_hub(keeping: NatsProcess) -> None:
    async with hub(keeping.server, "a") as a, hub(keeping.server, "b") as b:
        a.spoken.add("five")
        await until(lambda: b.leases.elsewhere("five") is not None)
        b.leases.take("five")
        b.spoken.add("five")
        await until(lambda: a.lost == [("five", Holder("b"))])
        await until(lambda: b.epoch("five") > 0)
        assert b.lost == []


async def test_without_jetstream_each_hub_goes_on_and_says_so_once(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub(nats.server, "a") as a, hub(nats.server, "b") as b:
        a.spoken.add("hall")
        b.spoken.add("hall")
        await until(lambda: "keeps no records" in caplog.text)
        await asyncio.sleep(1)
        assert a.leases.held(DEMAND) == b.leases.held(DEMAND) == DEMAND
        assert b.leases.elsewhere("hall") is None and a.lost == b.lost == []
    assert caplog.text.count("keeps no records") == 2  # once for each hub


async def test_leases_outlive_nats(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also if what it kept is lost."""
    caplog.set_level(logging.INFO)
    with nats_server(tmp_path, jetstream={"store_dir": str(tmp_path / "store")}) as process:
        async with hub(process.server, "a") as a, hub(process.server, "b") as b:
            a.spoken.add("hall")
            await until(lambda: b.leases.elsewhere("hall") is not None)
            process.kill()
            (tmp_path / "store").rename(tmp_path / "gone")
            await until(lambda: b.leases.elsewhere("hall") is None)
            process.start()
            await until(lambda: b.leases.elsewhere("hall") == Holder("a"), PATIENCE_S)
            assert await epoch_of(a, "hall") > 0 and a.lost == []


async def test_records_that_are_old_or_of_another_release_change_nothing(
    keeping: NatsProcess,
) -> None:
    async with hub(keeping.server, "a") as a, hub(keeping.server, "b") as b:
        a.spoken.add("six")
        await until(lambda: b.leases.elsewhere("six") == Holder("a"))
        revision = await epoch_of(a, "six")
        a.records.heard(Record("six", msgspec.msgpack.encode(Holder("c")), revision - 1))
        a.records.heard(Record("six", b"\xc1", revision + 1000))
        await b.records.write("seven", b"\xc1", 0)
        a.spoken.add("seven")
        await asyncio.sleep(1)
        assert (a.epoch("six"), a.epoch("seven"), a.lost) == (revision, 0, [])
        assert a.leases.elsewhere("seven") is None


async def test_a_hub_that_ends_gives_its_streams_back(keeping: NatsProcess) -> None:
    async with hub(keeping.server, "b") as b:
        async with hub(keeping.server, "a") as a:
            a.spoken.add("eight")
            await until(lambda: b.leases.elsewhere("eight") == Holder("a"))
        there = await b.records.write("eight", b"", 0)
        assert there.value == msgspec.msgpack.encode(Holder(""))


async def test_names_that_nobody_has_any_more_are_forgotten(
    keeping: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "FORGET_LOOKS", 8)
    names = {f"name-{number}" for number in range(1000)}
    async with hub(keeping.server, "a") as a, hub(keeping.server, "b") as b:
        a.spoken |= {*names, "kept"}
        await until(lambda: all(a.epoch(name) for name in a.spoken), PATIENCE_S)
        a.spoken -= names
        for each in (a, b):
            await until(lambda each=each: set(each.leases._leases) == {"kept"}, PATIENCE_S)  # type: ignore[misc]
        b.spoken.add("name-7")
        await until(lambda: b.epoch("name-7") > 0)
        await until(lambda: a.leases.elsewhere("name-7") == Holder("b"))
