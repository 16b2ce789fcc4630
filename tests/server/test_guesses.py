"""Guessing is slow, and what a session does wrong is counted, whoever notices it."""

import aiohttp
import pytest

from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from server.streams.guesses import FREE_AGAIN_S, MAX_ADDRESSES, Guesses
from signaling.errors import ProtocolError
from signaling.protocol import MAX_FAULTS
from tests.helpers.running import shared_server

in_module = pytest.mark.asyncio(loop_scope="module")
AT_ONCE = 6


def refused(guesses: Guesses, count: int, now_s: float, address: str = "a") -> int:
    """How many of ``count`` guesses were refused."""
    wrong = 0
    for _ in range(count):
        try:
            guesses.count(address, now_s)
        except ProtocolError as error:
            assert error.code == "limit"
            wrong += 1
    return wrong


def test_as_many_guesses_are_free_as_an_address_has_sessions() -> None:
    guesses = Guesses(500)
    assert refused(guesses, 866, 0.0) == 366
    assert refused(guesses, 1, 0.0, "b") == 0
    assert refused(guesses, 866, 1.0) == 858
    assert refused(guesses, 500, 1.0 + FREE_AGAIN_S) == 0


def test_the_number_of_addresses_that_are_remembered_is_bounded() -> None:
    guesses = Guesses(1)
    for number in range(MAX_ADDRESSES + 1):
        guesses.count(str(number), 0.0)
    assert refused(guesses, 1, 0.0, str(MAX_ADDRESSES)) == 1
    assert refused(guesses, 1, 0.0, "0") == 0


server = shared_server(
    max_sessions_per_address=AT_ONCE,
    speak_token="open",
    trusted_proxies=["127.0.0.1"],
)


@in_module
async def test_whoever_guesses_secrets_is_sent_away_and_others_are_not(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl", audio="socket") as speaker:
        secret = server.manager.streams["hall"].speaker.resume  # type: ignore[union-attr]
        codes = []
        for number in range(AT_ONCE + 2):
            with pytest.raises(Refused) as caught:
                async with Speaker(server.url, "hall", "nl", resume=f"guess-{number}"):
                    pass
            codes.append(str(caught.value))
        assert all("speaker_present" in code for code in codes[:AT_ONCE])
        assert "limit" in codes[-1]
        with pytest.raises(Refused, match="limit"):
            async with Listener(server.url, "hall", audio="none", resume="guess"):
                pass
        async with Listener(server.url, "hall", audio="none"):
            pass
        async with Speaker(server.url, "hall", "nl", audio="socket", resume=secret):
            pass
        assert speaker.closed


@pytest.mark.parametrize(
    ("path", "join", "fault"),
    [
        ("listen", {"channel": "floor", "audio": "none"}, '{"type": "select", "channel": "xx"}'),
        ("speak", {"language": "nl", "audio": "socket-opus"}, b"garbage"),
        ("speak", {"language": "nl", "audio": "socket"}, '{"type": "language", "language": "xx"}'),
        ("listen", {"channel": "floor", "audio": "none"}, "nonsense"),
    ],
)
@in_module
async def test_too_many_faults_of_any_kind_end_a_session(
    server: Server, path: str, join: dict[str, str], fault: str | bytes
) -> None:
    async with (
        aiohttp.ClientSession(server.url, headers={"X-Forwarded-For": "192.0.2.1"}) as http,
        http.ws_connect(f"/ws/{path}/room") as connection,
    ):
        await connection.send_json({"type": "join", **join})
        for _ in range(MAX_FAULTS):
            if isinstance(fault, bytes):
                await connection.send_bytes(fault)
            else:
                await connection.send_str(fault)
        errors = []
        async for message in connection:
            answer = message.json()
            if answer["type"] == "error":
                errors.append(answer.get("fatal", True))
    assert errors == [False] * (MAX_FAULTS - 1) + [True]
