"""A real coturn, with the settings of ``deploy/``: whom it lets in, where it relays to, and a
listener that reaches a server through it only."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
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

from server.config import Config
from server.http.ice_servers import VALID_S, ice_servers
from server.http.tls import self_signed
from signaling.messages import IceServer
from tests.helpers.programs import daemon, free_port
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.waiting import until
from tests.helpers.whip import SDP, Words, joined

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = Path(__file__).parents[2] / "deploy" / "coturn" / "turnserver.conf"
REALM = "tolk.example"
ANSWER_S = 20.0
LOUD = 1000


@dataclass(frozen=True)
class Coturn:
    """A running coturn. ``folder``: has its secret and its certificate."""

    folder: Path
    port: int
    tls_port: int

    @property
    def urls(self) -> list[str]:
        return [
            f"turn:127.0.0.1:{self.port}",
            f"turn:127.0.0.1:{self.port}?transport=tcp",
            f"turns:localhost:{self.tls_port}?transport=tcp",
        ]

    def config(self, secret: str = "secret") -> Config:
        """The settings of a server that uses it. ``secret``: the name of the secret's file."""
        return Config(ice_servers=self.urls, turn_secret_file=str(self.folder / secret))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def coturn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Coturn]:
    """It relays to 127.0.0.1 only, where it needs to be told that this is a test."""
    running = Coturn(tmp_path_factory.mktemp("coturn"), free_port(), free_port())
    (running.folder / "secret").write_text("north\n")
    (running.folder / "other").write_text("south\n")
    self_signed(running.folder, ["localhost"])
    settings = SETTINGS.read_text(encoding="utf8").replace("\nno-tls\nno-dtls\n", "\nno-dtls\n")
    certificate = running.folder / "self-signed.pem"
    settings += f"\nrealm={REALM}\nstatic-auth-secret=north\nallowed-peer-ip=127.0.0.1\n"
    settings += f"tls-listening-port={running.tls_port}\ncert={certificate}\npkey={certificate}\n"
    settings += "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nallow-loopback-peers\n"
    settings += f"userdb={running.folder}/db\npidfile={running.folder}/pid\n"
    settings = settings.replace("listening-port=3478", f"listening-port={running.port}")
    (running.folder / "turnserver.conf").write_text(settings)
    command = ("turnserver", "-c", running.folder / "turnserver.conf")
    async with daemon(*command, port=running.port, log=running.folder / "log"):
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
    monkeypatch.setenv("SSL_CERT_FILE", str(coturn.folder / "self-signed.pem"))
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
