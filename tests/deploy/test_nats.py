"""The example configuration of NATS: each role can do its work, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.bus.addresses import NatsServer
from server.bus.credentials import Credentials
from server.bus.hub_messages import ChannelAt, Packet
from server.bus.messages import AudioChunk, Message, decode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import BusRole, Nats
from server.bus.nats_records import NatsRecords
from server.bus.records import Record
from server.bus.sound import SoundIn, SoundOut
from tests.helpers.nats import NatsProcess
from tests.helpers.programs import program
from tests.helpers.waiting import until

CONF = Path(__file__).parents[2] / "deploy" / "nats" / "nats-server.conf"
CHUNK = AudioChunk(stream="hall", epoch=0, start_sample=0, pcm=bytes(3200))


@pytest.fixture
def nats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NatsProcess]:
    monkeypatch.setenv("TOLK_HUB_PASSWORD", "one-password")
    monkeypatch.setenv("TOLK_INTERPRETER_PASSWORD", "two-password")
    monkeypatch.setenv("TOLK_EDGE_PASSWORD", "three-password")
    program("nats-server")
    process = NatsProcess(tmp_path)
    text = CONF.read_text(encoding="utf8").replace("port: 4222", f"port: {process.port}")
    text = text.replace("/tmp/nats", str(tmp_path / "store"))
    (tmp_path / "nats.conf").write_text(text, encoding="utf8")
    process.start()
    yield process
    process.kill()


def at(nats: NatsProcess, role: BusRole) -> NatsServer:
    user, password = {
        "hub": ("hub", "one-password"),
        "origin": ("hub", "one-password"),
        "interpreter": ("interpreter", "two-password"),
        "edge": ("edge", "three-password"),
    }[role]
    return NatsServer("127.0.0.1", nats.port, False, Credentials(user, password))


async def test_the_roles_can_do_their_work(nats: NatsProcess) -> None:
    offers: list[bytes] = []
    async with (
        Nats.opened([at(nats, "interpreter")], "booth", "interpreter") as one,
        Nats.opened([at(nats, "hub")], "hall", "hub") as other,
    ):
        booth, hall = Links(one), Links(other, offered=lambda _, offer: offers.append(offer))
        async with (
            NatsBus[Message].listen(booth, "hall", decode) as listens,
            NatsBus[Message].connect(hall, "booth", decode) as connects,
        ):
            connects.publish(CHUNK)
            assert await listens.receive() == CHUNK
            assert await booth.offer(b"here")
            await until(lambda: offers == [b"here"])


async def test_a_hub_and_an_edge_can_do_their_work(nats: NatsProcess) -> None:
    told: list[tuple[str, bytes]] = []
    async with (
        Nats.opened([at(nats, "origin")], "hall", "origin") as one,
        Nats.opened([at(nats, "edge")], "door", "edge") as other,
    ):
        hall = Links(one, offered=lambda *said: told.append(said))
        door = Links(other, offered=lambda *said: told.append(said))
        async with (
            NatsBus[Message].listen(hall, "door", decode) as listens,
            NatsBus[Message].connect(door, "hall", decode) as connects,
        ):
            connects.publish(CHUNK)
            assert await listens.receive() == CHUNK
            assert await hall.offer(b"streams") and await door.offer(b"listeners")
            await until(lambda: sorted(told) == [("door", b"listeners"), ("hall", b"streams")])


async def test_an_edge_can_neither_interpret_nor_say_which_streams_there_are(
    nats: NatsProcess,
) -> None:
    heard: list[bytes] = []
    async with (
        Nats.opened([at(nats, "hub")], "hall", "hub") as hub,
        Nats.opened([at(nats, "edge")], "door", "edge") as door,
        Nats.opened([at(nats, "edge")], "booth", "interpreter") as booth,
        Nats.opened([at(nats, "edge")], "forger", "origin") as forger,
    ):
        for each in (hub, door, booth, forger):
            each.receive = each.hear = lambda _, data: heard.append(data)
        await booth.send("hall", b"forged")
        await booth.send_all(b"forged")
        await forger.send("door", b"forged")
        await forger.send_all(b"forged")
        for each in (booth, forger, hub, door):
            await each.flush()
    assert heard == []


FLOOR = ChannelAt("hall", "s", "floor")
SUBJECT = "tolk.sound.hall.s.floor"


async def test_edges_hear_sound_from_hubs_only(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Packet] = []
    async with (
        Nats.opened([at(nats, "origin")], "hall", "origin") as hall,
        Nats.opened([at(nats, "edge")], "door", "edge") as door,
        Nats.opened([at(nats, "edge")], "gate", "edge") as gate,
        Nats.opened([at(nats, "interpreter")], "booth", "interpreter") as booth,
        SoundOut.opened(hall) as out,
    ):
        sound = SoundIn(Links(door))
        sound.on_packet = lambda _, packet: heard.append(packet)
        sound.hear({FLOOR: out.session})
        assert await door.send("hall", b"I want to hear it")
        await door.flush()
        for forger in (gate, booth):
            assert await forger.publish(SUBJECT, b"forged")
            await forger.flush()
        out.send("s", "floor", 1, Packet(1, b"\xf8"))
        await until(lambda: bool(heard))
        assert heard == [Packet(1, b"\xf8")] and sound.dropped["fenced"] == 0
        assert door.client is not None and door.client.stats["in_msgs"] == 1
    assert caplog.text.count("forbids a subject") == 2


async def test_an_interpreter_can_not_hear_the_sound_of_streams(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []
    async with (
        Nats.opened([at(nats, "origin")], "hall", "origin") as hall,
        Nats.opened([at(nats, "interpreter")], "booth", "interpreter") as booth,
    ):
        booth.on_subject = lambda _, data: heard.append(data)
        booth.subjects = {SUBJECT}
        await booth.send("hall", b"")
        await until(lambda: "forbids a subject" in caplog.text)
        assert await hall.publish(SUBJECT, b"sound")
        await hall.flush()
        await booth.flush()
    assert not heard


async def test_an_interpreter_can_neither_ask_others_nor_hear_what_hubs_are_told(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []
    async with (
        Nats.opened([at(nats, "interpreter")], "booth", "interpreter") as booth,
        Nats.opened([at(nats, "interpreter")], "forger", "hub") as forger,
    ):
        booth.receive = lambda _, data: heard.append(data)
        forger.receive = lambda _, data: heard.append(data)
        await forger.send("booth", b"forged")
        await booth.send("forger", b"for a hub")
        await until(lambda: "forbids a subject" in caplog.text)
        await booth.flush()
        await forger.flush()
    assert heard == []


@asynccontextmanager
async def records(nats: Nats) -> AsyncIterator[NatsRecords]:
    async with asyncio.TaskGroup() as group:
        made = NatsRecords(nats)
        task = group.create_task(made.run())
        yield made
        task.cancel()


async def test_hubs_keep_and_hear_leases_and_an_interpreter_can_do_neither(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Record] = []
    async with (
        Nats.opened([at(nats, "hub")], "hall", "hub") as one,
        Nats.opened([at(nats, "hub")], "church", "hub") as other,
        Nats.opened([at(nats, "interpreter")], "forger", "interpreter") as forger,
        records(one) as hall,
        records(other) as church,
        records(forger) as forged,
    ):
        church.heard = heard.append
        await until(lambda: hall.there and church.there)
        assert forger.client is not None
        for subject in ("$KV.tolk.hall", "tolk.lease.hall"):
            await forger.client.publish(subject, b"forged")
        await forger.flush()
        written = await hall.write("hall", b"mine", 0)
        assert await church.write("hall", b"other", 0) == written
        await until(lambda: bool(heard))
        assert heard == [written] and not forged.there
