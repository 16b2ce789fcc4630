"""A real coturn, with the settings of ``deploy/``: whom it lets in, where it relays to, and a
listener that reaches a server through it only."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from aioice import stun, turn
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)

from server.http.ice_servers import VALID_S, ice_servers
from signaling.messages import IceServer
from tests.helpers.coturn import Coturn
from tests.helpers.programs import daemon, free_port
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.waiting import until
from tests.helpers.whip import SDP, Words, joined

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER_S = 20.0
LOUD = 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def coturn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Coturn]:
    """It relays to 127.0.0.1 only."""
    running = Coturn(tmp_path_factory.mktemp("coturn"), free_port(), free_port())
    async with daemon(*running.command(), port=running.port, log=running.log):
        yield running


def told(coturn: Coturn, now_s: float, secret: str = "secret") -> IceServer:
    """What a participant is told that joins at ``now_s``."""
    (server,) = ice_servers(coturn.config(secret))(now_s)
    return server


async def allocated(
    coturn: Coturn, told: IceServer, transport: str, protocol: Callable[[], "Came"] | None = None
) -> turn.TurnTransport:
    """A relayed address. Raises stun.TransactionFailed."""
    relayed, _ = await turn.create_turn_endpoint(
        protocol or Came,
        ("127.0.0.1", coturn.port),
        told.username,
        told.credential,
        transport=transport,
    )
    return relayed


class Came(asyncio.DatagramProtocol):
    """Keeps what came, and what failed."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.errors: list[Exception] = []
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, address: tuple[str | object, int]) -> None:
        self.data.append(data)

    def error_received(self, error: Exception) -> None:
        self.errors.append(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_it_accepts_what_participants_are_told(coturn: Coturn, transport: str) -> None:
    came = Came()
    relayed = await allocated(coturn, told(coturn, time.time()), transport, lambda: came)
    assert relayed.get_extra_info("sockname")[0] == "127.0.0.1"
    relayed.close()
    async with asyncio.timeout(ANSWER_S):
        await came.closed.wait()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("age_s", "secret"), [(VALID_S + 60, "secret"), (0, "other")])
async def test_it_refuses_expired_and_wrong_passwords(
    coturn: Coturn, transport: str, age_s: float, secret: str
) -> None:
    with pytest.raises(stun.TransactionFailed) as refused:
        await allocated(coturn, told(coturn, time.time() - age_s, secret), transport)
    assert refused.value.response.attributes["ERROR-CODE"][0] == 401


async def test_it_relays_to_the_server_only(coturn: Coturn) -> None:
    came = Came()
    relayed = await allocated(coturn, told(coturn, time.time()), "udp", lambda: came)
    try:
        relayed.sendto(b"hello", ("192.0.2.1", 53))
        await until(lambda: bool(came.errors))
        (error,) = came.errors
        assert isinstance(error, stun.TransactionFailed)
        assert error.response.attributes["ERROR-CODE"][0] == 403
    finally:
        relayed.close()
        async with asyncio.timeout(ANSWER_S):
            await came.closed.wait()


@pytest.mark.parametrize("way", [0, 1, 2], ids=["udp", "tcp", "tls"])
async def test_a_listener_hears_through_it_alone(
    coturn: Coturn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: int
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(coturn.certificate))
    config = coturn.config()
    async with (
        tolk(
            tmp_path,
            STAND_IN,
            ready=False,
            ice_servers=config.ice_servers[way : way + 1],
            turn_secret_file=config.turn_secret_file,
        ) as server,
        aiohttp.ClientSession(server.url) as http,
        joined(http, "/whip/a?language=nl", Words()),
    ):
        (turn_server,) = server.given.ice_servers(time.time())
        given = RTCIceServer(turn_server.urls, turn_server.username, turn_server.credential)
        connection = RTCPeerConnection(
            RTCConfiguration([given], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
        )
        try:
            receiver = connection.addTransceiver("audio", direction="recvonly").receiver
            await connection.setLocalDescription()
            offer = connection.localDescription.sdp
            assert "typ relay" in offer
            assert "typ host" not in offer
            async with http.post("/whep/a", data=offer, headers=SDP) as response:
                answer = await response.text()
            await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
            async with asyncio.timeout(ANSWER_S):
                while np.abs((await receiver.track.recv()).to_ndarray()).max() < LOUD:  # type: ignore[union-attr]
                    pass
        finally:
            await connection.close()
