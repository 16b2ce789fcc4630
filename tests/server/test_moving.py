"""A server changes to models that are installed while it runs."""

import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import msgspec
import pytest

from server.app import Server
from server.bus.messages import Heartbeat, Message, Models, Reload
from server.client.participants import Listener, Speaker
from server.models import moving
from server.models.catalogue import Catalogue, Model
from server.models.current import Current, decoded, encoded, version
from server.models.moving import TRIAL_S, Moves
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, tolk, tone
from tests.helpers.waiting import until

LOW = tone(300)


def install(folder: Path, *names: str, targets: Sequence[str] = ("en",)) -> None:
    """Replace the models in ``folder`` by these. All do the same."""
    folder.mkdir(exist_ok=True)
    (folder / "model").write_bytes(b"")
    checksum = hashlib.sha256(b"").hexdigest()
    hears = Model(
        name="ear",
        kind="recognizer",
        path="",
        licence="",
        files={"model": checksum},
        languages=["nl"],
    )
    speaks = msgspec.structs.replace(hears, kind="voice", languages=list(targets))
    pairs = [("nl", target) for target in targets]
    translates = msgspec.structs.replace(hears, kind="translation", languages=[], pairs=pairs)
    models = [
        *(msgspec.structs.replace(hears, name=name) for name in names),
        *(hears, speaks, translates),
    ]
    new = folder / "new"
    new.write_bytes(msgspec.json.encode({"models": models}))
    new.rename(folder / "manifest.json")


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(moving, "LOOK_S", 0.05)
    folder = tmp_path / "models"
    install(folder)
    command = [*STAND_IN, "--models", str(folder)]
    async with tolk(tmp_path / "state", command, models=str(folder)) as running:
        yield running


async def languages(server: Server) -> object:
    async with aiohttp.ClientSession() as http, http.get(server.url + "/api/languages") as answer:
        return (await answer.json())["targets"]


async def test_new_languages_are_told_to_all_and_nobody_reconnects(
    server: Server, tmp_path: Path
) -> None:
    async with (
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("en", "low"))
        assert await languages(server) == {"nl": ["en"]}
        since = len(listener.received)
        install(tmp_path / "models", targets=("en", "de"))
        for each in (listener, speaker):
            await each.expect(wire.State, lambda state: "de+floor" in state.channels)
        assert await languages(server) == {"nl": ["en", "de"]}
        await listener.select("de")
        await listener.expect(
            wire.ChannelState, lambda state: (state.channel, state.status) == ("de", "live")
        )
        await listener.select("en")
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("en", "low"), since=since)
        assert not listener.closed and not speaker.closed
    assert server.supervisor.restarts == 0


async def test_broken_models_are_reported_and_nothing_changes(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "models" / "model").write_bytes(b"changed")
    (tmp_path / "models" / "new").touch()
    await until(lambda: "cannot be used: model 'ear' in " in caplog.text)
    assert await languages(server) == {"nl": ["en"]}
    assert server.supervisor.ready


@pytest.mark.parametrize("name", ["deadly", "moribund"])
async def test_after_a_crash_by_new_models_the_next_interpreter_has_the_old_ones(
    server: Server, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "models"
    async with (
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        install(folder, name, targets=("en", "de"))
        await until(lambda: server.supervisor.restarts == 1)
        await until(lambda: server.supervisor.ready)
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("en", "low"))
        assert await languages(server) == {"nl": ["en"]}
        assert "the interpreter died of its models; the earlier ones" in caplog.text
        install(folder, targets=("en", "fr"))
        await speaker.expect(wire.State, lambda state: "fr" in state.channels)
    assert server.supervisor.restarts == 1


def catalogue(name: str) -> Catalogue:
    model = Model(name=name, kind="voice", path=name, licence="", files={"a": ""}, languages=["nl"])
    return Catalogue(Path("/models"), [model])


class Desk:
    """A Moves object; the test plays the interpreter and the clock."""

    def __init__(
        self, scratch: Path, monkeypatch: pytest.MonkeyPatch, found: str, proven: str = ""
    ) -> None:
        self.now = 100.0
        self.asked: list[Message] = []
        self.current = Current(catalogue(found))
        self.scratch = scratch
        monkeypatch.setattr(moving, "_now", lambda: self.now)
        self.moves = Moves(
            self.current,
            self.asked.append,
            catalogue(proven) if proven else None,
            scratch,
            lambda: None,
        )

    def tells(self, name: str, problem: str = "") -> None:
        models = Models(
            version=version(catalogue(name)), manifest=encoded(catalogue(name)), problem=problem
        )
        self.moves.told(models)

    def beats(self, name: str, ready: bool = True) -> None:
        beat = Heartbeat(
            stream="", epoch=0, worker="w", ready=ready, version=version(catalogue(name))
        )
        self.moves.heard(beat, ready)

    def dies(self) -> str:
        """Let the interpreter die. Returns the models that the next one is given; "": none."""
        self.moves.lost()
        return decoded(self.scratch.read_bytes()).models[0].name if self.moves.options else ""

    @property
    def in_use(self) -> str:
        return self.current.catalogue.models[0].name


def test_if_the_earlier_models_cannot_be_loaded_either_those_installed_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "scratch", monkeypatch, "fetched", "shipped")
    assert desk.dies() == "shipped"
    assert desk.dies() == ""
    assert desk.dies() == "shipped"


def test_after_a_crash_of_the_first_interpreter_the_shipped_models_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "scratch", monkeypatch, "fetched", "shipped")
    assert desk.dies() == "shipped"
    assert desk.in_use == "shipped"
    desk.beats("shipped")
    assert desk.dies() == "shipped"  # of something else: still no loop


def test_without_proven_models_an_interpreter_uses_those_it_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "scratch", monkeypatch, "folder")
    assert desk.dies() == ""
    desk.beats("folder")
    assert desk.dies() == ""


def test_if_the_disk_is_full_the_next_interpreter_begins_with_what_it_finds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(Path("/dev/full"), monkeypatch, "fetched", "shipped")
    assert desk.dies() == ""
    assert desk.in_use == "fetched"
    assert "No space left" in caplog.text


def test_models_that_worked_for_a_while_are_kept_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "scratch", monkeypatch, "old", "shipped")
    desk.beats("old")
    desk.tells("new")
    desk.now += TRIAL_S + 1
    assert desk.dies() == ""
    assert desk.in_use == "new"
    desk.beats("new")
    desk.tells("newest")
    desk.now += TRIAL_S - 1
    assert desk.dies() == "new"
    assert desk.in_use == "new"


def test_a_crash_after_models_failed_to_load_is_not_blamed_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path / "scratch", monkeypatch, "old", "shipped")
    desk.beats("old")
    desk.tells("old", "new is broken")
    assert "cannot be used: new is broken" in caplog.text
    assert desk.dies() == ""


def test_if_the_message_about_new_models_is_lost_the_interpreter_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "scratch", monkeypatch, "old")
    desk.beats("old")
    assert not desk.asked
    desk.beats("new")
    desk.beats("new")
    assert desk.asked == [Reload()]
    desk.tells("new")
    desk.now += 60
    desk.beats("new")
    assert desk.asked == [Reload()]
    assert desk.in_use == "new"


def test_a_catalogue_can_be_encoded_and_decoded() -> None:
    there = decoded(encoded(catalogue("a")))
    assert there.voices["nl"].path == "/models/a"
    assert version(there) == version(catalogue("a")) != version(catalogue("b"))
    other_files = msgspec.structs.replace(catalogue("a").models[0], files={"a": "other"})
    assert version(Catalogue(Path("/models"), [other_files])) != version(there)


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
