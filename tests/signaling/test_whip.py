"""What a WHIP or WHEP request asks for, and what its response tells."""

import asyncio
from pathlib import Path

import pytest

from signaling.errors import ProtocolError
from signaling.messages import IceServer
from signaling.protocol import LISTENER
from signaling.tokens import bearer_token
from signaling.transport import IceRestart
from signaling.whip import HttpTransport, ice_links, whep_join, whip_join

OFFER = Path(__file__).parent / "offers" / "pion_recvonly.sdp"


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ({}, "floor"),
        ({"language": ""}, "floor"),
        ({"language": "en"}, "en"),
        ({"language": "en", "floor": "0"}, "en"),
        ({"language": "en", "floor": "1"}, "en+floor"),
        ({"language": "en", "floor": "true"}, "en+floor"),
        ({"language": "floor", "floor": "1"}, "floor"),
        ({"floor": "1"}, "floor"),
    ],
)
def test_the_channel_of_a_listener(query: dict[str, str], channel: str) -> None:
    assert whep_join(query, None) == {"channel": channel}


def test_what_a_speaker_asks_for() -> None:
    assert whip_join({"language": "nl", "take_over": "1"}, "abc") == {
        "language": "nl",
        "take_over": True,
        "token": "abc",
    }


@pytest.mark.parametrize("query", [{}, {"language": ""}, {"language": "nl", "take_over": "yes"}])
def test_a_speaker_s_address_must_be_clear(query: dict[str, str]) -> None:
    with pytest.raises(ProtocolError) as refused:
        whip_join(query, None)
    assert refused.value.code == "bad_message"


@pytest.mark.parametrize(
    ("header", "query", "token"),
    [
        (None, {}, None),
        (None, {"token": ""}, None),
        (None, {"token": "abc"}, "abc"),
        ("Bearer abc", {}, "abc"),
        ("bearer  abc ", {"token": "other"}, "abc"),
        ("Bearer", {}, None),
    ],
)
def test_where_a_token_may_be(header: str | None, query: dict[str, str], token: str | None) -> None:
    assert bearer_token(header, query) == token


@pytest.mark.parametrize("header", ["Basic abc", "abc", "Bearer \udcff\udcfe", "Bearer é"])
def test_what_is_no_token_is_refused(header: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        bearer_token(header, {})
    assert refused.value.code == "unauthorised"


def test_each_address_of_an_ice_server_is_a_link() -> None:
    servers = [IceServer(urls=["turn:a", "turns:a"], username="1:tolk", credential='p"\\')]
    credentials = 'username="1:tolk"; credential="p\\"\\\\"; credential-type="password"'
    assert ice_links(servers) == [
        f'<turn:a>; rel="ice-server"; {credentials}',
        f'<turns:a>; rel="ice-server"; {credentials}',
    ]


async def test_a_restart_that_nobody_waits_for_any_more_is_not_carried_out() -> None:
    transport = HttpTransport(LISTENER, {"channel": "floor"}, OFFER.read_text())
    for _ in ("the join", "the offer"):
        await transport.receive()

    def asked(name: str) -> asyncio.Task[str | None]:
        fragment = f"a=ice-ufrag:{name}\r\na=ice-pwd:{name * 6}\r\n"
        return asyncio.create_task(transport.patch(fragment, "*"))

    for name in ("gone", "lost"):
        left = asked(name)
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
    waits = asked("here")
    restart = await transport.receive()
    assert isinstance(restart, IceRestart) and restart.username == "here"
    restart.settle("a=ice-ufrag:ours")
    assert await waits == "a=ice-ufrag:ours"
