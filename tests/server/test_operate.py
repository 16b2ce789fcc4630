"""What an operator sees and does, by the API of the page /operate."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Interpreter, Listener, Refused, Speaker
from signaling import messages as wire
from tests.helpers.running import STAND_IN, models_of_several, tolk, tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = "/api/operate/events"
#: ``tools.bench pages`` measures that it takes less than a second.
PATIENCE_S = 10.0

Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Its voice takes five seconds for "low", as if the machine were too slow."""
    models = models_of_several(tmp_path_factory.mktemp("models"))
    slow = [*STAND_IN, "--fault", "hang", "--hang-s", "5", "--limit-s", "20"]
    async with tolk(
        tmp_path_factory.mktemp("state"), slow, models=str(models), max_listeners=2
    ) as running:
        yield running


def bearer(server: Server, **rights: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.access.issue(valid_s=60, **rights)}"}


def merged(target: object, patch: Json) -> Json:
    """``target`` after a JSON Merge Patch (RFC 7396)."""
    result: Json = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value) if isinstance(value, dict) else value
    return result


class Watch:
    """What an operator's page knows. ``changes``: the number of those received."""

    def __init__(self) -> None:
        self.state: Json = {}
        self.changes = 0
        self._news = asyncio.Event()

    async def read(self, response: aiohttp.ClientResponse) -> None:
        name = b""
        async for line in response.content:
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: "):
                self.changes += name == b"change"
                before = {} if name == b"state" else self.state
                self.state = merged(before, json.loads(line[6:]))
                self._news.set()

    async def sees(self, condition: Callable[[Json], object], within_s: float = PATIENCE_S) -> None:
        """Wait until ``condition`` holds. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not condition(self.state):
                self._news.clear()
                await self._news.wait()

    def of(self, stream: str) -> Json:
        found: Json = self.state["streams"].get(stream, {})
        return found

    def news(self, **wanted: object) -> list[Json]:
        return [
            each
            for each in self.state["news"].values()
            if all(each.get(name) == value for name, value in wanted.items())
        ]


@asynccontextmanager
async def watching(server: Server, query: str = "", **rights: Any) -> AsyncIterator[Watch]:
    watch = Watch()
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.get(EVENTS + query, headers=bearer(server, operate=True, **rights)) as response,
        asyncio.TaskGroup() as group,
    ):
        assert (response.status, response.content_type) == (200, "text/event-stream")
        task = group.create_task(watch.read(response))
        await watch.sees(bool)
        yield watch
        task.cancel()


async def asked(server: Server, path: str, body: Json, **rights: Any) -> tuple[int, Json]:
    headers = bearer(server, **{"operate": True, **rights})
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.post(f"/api/operate/{path}", json=body, headers=headers) as response,
    ):
        return response.status, await response.json()


async def test_who_joins_and_leaves_is_seen(server: Server) -> None:
    async with watching(server) as watch:
        async with Speaker(server.url, "joins", "nl", audio="socket"):
            await watch.sees(lambda state: watch.of("joins").get("speaker", 0))
            async with Listener(
                server.url, "joins", "en+floor", audio="none", captions=["en", "nl"]
            ):
                await watch.sees(lambda state: watch.of("joins").get("listeners", 0) == 1)
            await watch.sees(lambda state: watch.of("joins").get("listeners", 0) == 0)
            stream = watch.state["streams"]["joins"]
            assert (stream["state"], stream["source"]) == ("live", "nl")
            assert stream["hears"] == "recognizer"
        await watch.sees(lambda state: watch.of("joins").get("state", 0) == "waiting")
        kinds = [each["kind"] for each in watch.news(stream="joins")]
        assert kinds == ["joined", "joined", "left", "left"]


async def test_languages_are_counted_not_listeners(server: Server) -> None:
    async with (
        watching(server) as watch,
        Speaker(server.url, "counts", "nl", audio="socket"),
        Listener(server.url, "counts", "en", audio="socket", captions=["en"]),
        Listener(server.url, "counts", "floor", audio="socket", captions=["en"]),
    ):
        await watch.sees(lambda state: watch.of("counts").get("listeners", 0) == 2)
        stream = watch.state["streams"]["counts"]
        assert stream["channels"] == {"en": 1, "floor": 1}
        english = stream["languages"]["en"]
        assert (english["hear"], english["read"]) == (1, 2)
        assert (english["translates"], english["speaks"]) == ("translation", "voice")


async def test_a_refusal_is_seen_with_its_reason(server: Server) -> None:
    async with (
        watching(server) as watch,
        Listener(server.url, "full", audio="none"),
        Listener(server.url, "full", audio="none"),
    ):
        with pytest.raises(Refused):
            async with Listener(server.url, "full", audio="none"):
                pass
        await watch.sees(lambda state: watch.news(kind="refused", stream="full", code="limit"))


async def test_a_lag_of_five_seconds_is_seen(server: Server) -> None:
    began = server.metrics.ear_voice_span.labels("en")

    def heard() -> float:
        return sum(
            each.value for each in next(iter(began.collect())).samples if "count" in each.name
        )

    async with (
        watching(server) as watch,
        Listener(server.url, "late", "en", audio="socket"),
        Speaker(server.url, "late", "nl", audio="socket") as speaker,
    ):
        await speaker.play(tone(300))
        async with asyncio.timeout(15):
            while not heard():
                await asyncio.sleep(0.01)
        await watch.sees(lambda state: watch.of("late").get("lag_s", 0) >= 5)
        assert watch.state["streams"]["late"]["languages"]["en"]["lag_s"] >= 5
        await watch.sees(lambda state: max(watch.of("late").get("strip", ()), default=0) >= 5)


async def test_a_dead_interpreter_is_seen(server: Server) -> None:
    async with watching(server) as watch:
        await watch.sees(lambda state: state["server"]["ready"], 30)
        pid = server.supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await watch.sees(lambda state: not state["server"]["ready"] and watch.news(kind="lost"))
        assert "signal 9" in watch.news(kind="lost")[-1]["what"]
        await watch.sees(lambda state: state["server"]["ready"] and watch.news(kind="ready"), 30)


async def test_an_operator_of_one_stream_sees_that_one(server: Server) -> None:
    async with (
        Listener(server.url, "mine", audio="none"),
        Listener(server.url, "theirs", audio="none"),
        watching(server, "?stream=mine", stream="mine") as watch,
    ):
        await watch.sees(lambda state: "mine" in state["streams"])
        assert list(watch.state["streams"]) == ["mine"]
        assert not watch.news(stream="theirs")


async def test_changes_are_a_few_a_second_however_much_happens(server: Server) -> None:
    async with watching(server) as watch:
        before = watch.changes
        for _ in range(20):
            async with Listener(server.url, "busy", audio="none"):
                pass
        await asyncio.sleep(1)
        await watch.sees(
            lambda state: sum(each.get("count", 1) for each in watch.news(stream="busy")) == 40
        )
        assert watch.changes - before < 20


@pytest.mark.parametrize(
    ("rights", "status"),
    [({}, 403), ({"speak": True}, 403), ({"operate": True, "stream": "other"}, 403)],
)
async def test_only_operators_see_and_do_anything(
    server: Server, rights: Json, status: int
) -> None:
    async with (
        Listener(server.url, "guarded", audio="none"),
        aiohttp.ClientSession(server.url) as http,
    ):
        for headers, expected in (({}, 401), (bearer(server, **rights), status)):
            paths = (EVENTS, "/api/operate/models", f"{EVENTS}?stream=guarded")
            for path in paths:
                async with http.get(path, headers=headers) as response:
                    assert response.status == expected, path
            for path in ("end", "pause", "panel", "notice"):
                url = f"/api/operate/streams/guarded/{path}"
                async with http.post(url, json={}, headers=headers) as response:
                    assert response.status == expected, path
            body = {"stream": "guarded", "role": "speak"}
            url = "/api/operate/invitations"
            async with http.post(url, json=body, headers=headers) as response:
                assert response.status == expected


async def test_a_token_in_the_address_is_not_taken(server: Server) -> None:
    token = server.access.issue(operate=True, valid_s=60)
    async with (
        Listener(server.url, "linked", audio="none"),
        aiohttp.ClientSession(server.url) as http,
        http.post(f"/api/operate/streams/linked/end?token={token}") as response,
    ):
        assert response.status == 401


async def test_a_stream_is_paused_resumed_and_ended(server: Server) -> None:
    async with (
        Speaker(server.url, "steered", "nl", audio="socket") as speaker,
        Listener(server.url, "steered", audio="none") as listener,
    ):
        path = "streams/steered/pause"
        assert await asked(server, path, {"paused": True}) == (200, {"state": "paused"})
        await listener.expect(wire.State, lambda told: told.state == "paused")
        assert await asked(server, path, {"paused": False}) == (200, {"state": "live"})
        await listener.expect(wire.State, lambda told: told.state == "live")
        assert (await asked(server, "streams/steered/end", {}))[0] == 200
        await listener.expect(wire.State, lambda told: told.state == "ended")
        async with asyncio.timeout(5):
            while not speaker.closed:
                await asyncio.sleep(0.01)
    assert (await asked(server, "streams/nobody/end", {}))[0] == 404


async def test_the_end_by_an_operator_is_one_line_and_no_refusal(server: Server) -> None:
    def refused() -> float:
        return sum(
            each.value
            for each in next(iter(server.metrics.refused.collect())).samples
            if each.name.endswith("_total")
        )

    async with (
        watching(server) as watch,
        Speaker(server.url, "over", "nl", audio="socket") as speaker,
    ):
        before = refused()
        await asked(server, "streams/over/end", {})
        told = await speaker.expect(wire.Error)  # as it did not leave by itself
        await watch.sees(lambda state: watch.news(kind="left", stream="over"))
        assert told.code == "ended"
        assert [each["what"] for each in watch.news(kind="ended", stream="over")] == ["operator"]
        assert not watch.news(kind="refused", stream="over")
        assert refused() == before


async def test_a_speaker_does_not_undo_the_end_by_an_operator(server: Server) -> None:
    async with (
        Listener(server.url, "final", audio="none") as listener,
        Speaker(server.url, "final", "nl", audio="socket") as speaker,
        Speaker(server.url, "final", "nl", audio="socket", wings=True) as second,
    ):
        await second.send(wire.Ask())
        asking = await speaker.expect(wire.Asking, lambda each: bool(each.who))
        assert (await asked(server, "streams/final/end", {}))[0] == 200
        since = len(listener.received)
        await speaker.pause(False)
        await speaker.send(wire.HandOver(to=asking.who[0].number))
        told = await speaker.expect(wire.Error)
        assert told.code == "ended"
        states = [each.message for each in listener.received[since:]]
        assert not any(isinstance(each, wire.State) and each.state == "live" for each in states)
        assert server.manager.streams["final"].state == "ended"


async def test_a_stream_is_switched_to_a_panel(server: Server) -> None:
    async with (
        watching(server) as watch,
        Speaker(server.url, "round", "nl", audio="socket"),
        Speaker(server.url, "round", "nl", audio="socket", wings=True) as second,
    ):
        assert await asked(server, "streams/round/panel", {"on": True}) == (200, {"panel": True})
        await watch.sees(lambda state: watch.of("round").get("panel", False))
        await second.play(tone(1000))
        await second.expect(wire.Turn, lambda turn: turn.speaking)


async def test_a_message_reaches_listeners_also_later_and_goes_away(server: Server) -> None:
    path = "streams/told/notice"
    async with Listener(server.url, "told", audio="none") as first:
        body = {"text": " Coffee is \n served. ", "minutes": 0.03}
        status, answer = await asked(server, path, body)
        assert (status, answer) == (200, {"notice": "Coffee is served."})
        async with Listener(server.url, "told", audio="none") as second:
            for listener in (first, second):
                told = await listener.expect(wire.Notice)
                assert told.text == "Coffee is served."
                await listener.expect(wire.Notice, lambda told: not told.text)
        assert (await asked(server, path, {"text": "x" * 281}))[0] == 400
        texts = {"nl": "Koffie!", "en": " Coffee! ", "de": " "}
        status, answer = await asked(server, path, {"texts": texts})
        assert (status, answer) == (200, {"notice": "Koffie! / Coffee!"})
        told = await first.expect(wire.Notice, lambda told: bool(told.texts))
        assert told == wire.Notice(text="Koffie!", texts={"nl": "Koffie!", "en": "Coffee!"})
        assert (await asked(server, path, {"texts": {"no language": "x"}}))[0] == 400


async def test_an_operator_may_change_the_glossary(server: Server) -> None:
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.put(
            "/api/streams/words/glossary",
            json={"names": ["Jan"]},
            headers=bearer(server, operate=True, stream="words"),
        ) as response,
    ):
        assert (await response.json())["names"] == ["Jan"]


async def test_addresses_are_made_for_each_language_with_what_they_allow(server: Server) -> None:
    body = {"stream": "hall", "role": "listen", "languages": ["en"], "hours": 2}
    status, made = await asked(server, "invitations", body)
    assert status == 200
    assert [each["language"] for each in made["codes"]] == ["", "en"]
    assert made["codes"][1]["svg"].startswith("<svg")
    address, _, token = made["codes"][1]["address"].partition("#token=")
    assert address == f"{server.url}/listen/hall?language=en"
    grants = server.access.grants(token, "hall")
    assert (grants.listen, grants.speak, grants.languages) == (True, False, frozenset({"en"}))
    _, made = await asked(server, "invitations", {"stream": "hall", "role": "speak"})
    token = made["codes"][0]["address"].partition("#token=")[2]
    grants = server.access.grants(token, "hall")
    assert (grants.speak, grants.operate, grants.admin) == (True, False, False)
    _, made = await asked(server, "invitations", {"stream": "hall", "role": "listen"})
    assert not any("token" in each["address"] for each in made["codes"])


async def test_people_who_interpret_are_invited_for_each_language(server: Server) -> None:
    body = {"stream": "hall", "role": "interpret", "languages": ["en"]}
    status, made = await asked(server, "invitations", body)
    assert status == 200
    (code,) = made["codes"]
    address, _, token = code["address"].partition("#token=")
    assert (code["language"], address) == ("en", f"{server.url}/interpret/hall/en")
    grants = server.access.grants(token, "hall")
    assert (grants.interpret, grants.speak, grants.languages) == (True, False, frozenset({"en"}))
    async with (
        Speaker(server.url, "hall", "nl", audio="socket"),
        Interpreter(server.url, "hall", "en", "Ann", audio="socket-opus", token=token) as person,
    ):
        await person.expect(wire.Booth)
    _, made = await asked(server, "invitations", {"stream": "hall", "role": "interpret"})
    assert [each["language"] for each in made["codes"]] == ["nl", "en"]


async def test_models_in_use_and_those_to_fetch_are_listed(server: Server) -> None:
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.get("/api/operate/models", headers=bearer(server, operate=True)) as response,
    ):
        made = await response.json()
    assert made["hears"] == {"nl": "recognizer", "en": "recognizer"}
    assert made["translates"]["nl"] == {"en": "translation"}
    assert "whisper-base" in [each["name"] for each in made["available"]]


async def test_the_log_has_a_line_for_each_without_names_or_addresses(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server.streams.logbook")
    token = server.access.issue(subject="Secret Name", speak=True, listen=True, valid_s=60)
    async with Speaker(server.url, "logged", "nl", audio="socket", token=token) as speaker:
        with pytest.raises(Refused):
            async with Speaker(server.url, "logged", "nl", audio="socket"):
                pass
        await speaker.end()
    async with asyncio.timeout(5):
        while "left" not in caplog.text:
            await asyncio.sleep(0.01)
    lines = [each.getMessage() for each in caplog.records if "logged" in each.getMessage()]
    assert lines[0] == "logged: a speaker joined (nl)"
    assert lines[1].startswith("logged: a speaker was refused (speaker_present: ")
    assert sorted(lines[2:]) == [
        "logged: a speaker left",
        "logged: the stream was ended by the speaker",
    ]
    assert "Secret" not in caplog.text and "127.0.0.1" not in caplog.text
