"""Runs the examples of docs/signaling.md, and compares it with the code."""

import asyncio
import json
import re
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpServer

from signaling import messages, offer, protocol, rates
from signaling.errors import CLOSE_CODES
from signaling.outbox import MAX_AUDIO_PACKETS, MAX_MESSAGES
from signaling.websocket import accept

PAGE = (Path(__file__).parents[2] / "docs" / "signaling.md").read_text()
UNIONS = {
    "speaker": messages.SpeakerMessage,
    "listener": messages.ListenerMessage,
    "talk": messages.TalkMessage,
    "interpreter": messages.InterpreterMessage,
    "server": messages.ServerMessage,
}
EXAMPLES = [
    (who, text)
    for whose, text in re.findall(r"^```json ([a-z ]+)\n(.*?)^```$", PAGE, re.M | re.S)
    for who in whose.split()
]


@pytest.mark.parametrize(("who", "text"), EXAMPLES)
def test_an_example_is_the_message_it_shows(who: str, text: str) -> None:
    message = msgspec.json.decode(text, type=UNIONS[who])
    assert json.loads(msgspec.json.encode(message)) == json.loads(text)


@pytest.mark.parametrize("who", UNIONS)
def test_every_message_has_an_example(who: str) -> None:
    shown = {
        type(msgspec.json.decode(text, type=UNIONS[who]))
        for whose, text in EXAMPLES
        if whose == who
    }
    assert set(get_args(UNIONS[who])) == shown


def test_every_block_of_json_is_checked() -> None:
    assert PAGE.count("```json") == len(re.findall(r"^```json [a-z ]+\n", PAGE, re.M))


@pytest.mark.parametrize(("who", "text"), [pair for pair in EXAMPLES if '"offer"' in pair[1]])
def test_the_example_of_an_offer_is_accepted(who: str, text: str) -> None:
    directions: dict[str, offer.Direction] = {
        "speaker": protocol.SPEAKER.direction,
        "listener": protocol.LISTENER.direction,
        "talk": protocol.TALK.direction,
        "interpreter": protocol.INTERPRETER.direction,
    }
    assert "a=mid:0\r\n" in offer.check(json.loads(text)["sdp"], directions[who])


def test_every_error_is_listed_with_its_close_code() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", PAGE, re.M))
    assert {code: int(number) for code, number in rows.items()} == CLOSE_CODES


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("text message", f"({protocol.MAX_TEXT_BYTES:_} bytes)".replace("_", " ")),
        ("binary message", f"{protocol.MAX_AUDIO_BYTES:_} bytes".replace("_", " ")),
        (
            "text messages",
            f"{rates.TEXTS_AT_ONCE} at once, {rates.TEXTS_PER_S:g} a second",
        ),
        (
            "binary messages",
            f"{rates.SOUNDS_AT_ONCE} at once, {rates.SOUNDS_PER_S:g} a second",
        ),
        ("SDP offer", f"{offer.MAX_OFFER_BYTES // 1024} kB, {offer.MAX_SECTIONS} sections"),
        ("offers a session", f"{protocol.MAX_OFFERS} "),
        ("faults a session", f"{protocol.MAX_FAULTS} "),
        ("waiting messages to a participant", f"{MAX_MESSAGES};"),
        ("waiting packets to a participant", f"{MAX_AUDIO_PACKETS} (1 s)"),
    ],
)
def test_the_limits_are_those_of_the_code(row: str, limit: str) -> None:
    assert re.search(rf"^\| {row} \| .*{re.escape(limit)}", PAGE, re.M)


def script(name: str) -> Callable[..., Awaitable[None]]:
    """A function out of the page's Python blocks."""
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S):
        if f"async def {name}(" in block:
            namespace: dict[str, Any] = {"__name__": "documentation"}
            exec(block, namespace)
            return cast(Callable[..., Awaitable[None]], namespace[name])
    raise AssertionError(f"there is no {name} on the page")


async def test_the_speaker_s_script_speaks(aiohttp_server: AiohttpServer, tmp_path: Path) -> None:
    sound = bytes(range(256)) * 50  # 0.4 s
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(sound)
    heard: list[object] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        async with accept(request, role=protocol.SPEAKER) as connection:
            while (message := await connection.receive()) is not None:
                heard.append(message)
                if isinstance(message, messages.JoinSpeaker):
                    connection.send(messages.Joined(stream="s", resume="r", state="live"))
        return connection.response

    app = web.Application()
    app.router.add_get("/ws/speak/s", handle)
    server = await aiohttp_server(app)
    async with asyncio.timeout(10):
        await script("speak")(str(server.make_url("/ws/speak/s")), "nl", str(tmp_path / "a.wav"))
    assert heard[0] == messages.JoinSpeaker(language="nl", audio="socket")
    assert b"".join(item for item in heard if isinstance(item, bytes)) == sound
    assert heard[-1] == messages.End()


async def test_the_listener_s_script_prints_final_captions(
    aiohttp_server: AiohttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def caption(status: messages.CaptionStatus, text: str) -> messages.Caption:
        return messages.Caption(
            stream="s",
            language="en",
            segment=1,
            revision=1,
            status=status,
            start_ms=0,
            end_ms=1,
            text=text,
        )

    async def handle(request: web.Request) -> web.StreamResponse:
        async with accept(request, role=protocol.LISTENER) as connection:
            assert await connection.receive() == messages.JoinListener(
                captions=["en"], audio="none"
            )
            connection.send(messages.Joined(stream="s", resume="r", state="live"))
            connection.send(caption("partial", "good"))
            connection.send(caption("final", "Good morning."))
            connection.send(messages.State(state="ended"))
            await connection.receive()
        return connection.response

    app = web.Application()
    app.router.add_get("/ws/listen/s", handle)
    server = await aiohttp_server(app)
    async with asyncio.timeout(10):
        await script("read")(str(server.make_url("/ws/listen/s")), "en")
    assert capsys.readouterr().out == "Good morning.\n"
