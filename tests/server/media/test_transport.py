import asyncio
import importlib.metadata
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import aioice
import pytest
from aiortc import RTCCertificate, RTCDtlsTransport
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    SRTPProtectionProfile,
    generate_certificate,
)
from aiortc.rtp import RTCP_RTPFB_NACK, RtcpReceiverInfo, RtcpRrPacket, RtcpRtpfbPacket
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from server.media import transport
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.guard import IN_A_ROW, RTCP_BYTES_PER_S
from server.media.ice import Ice
from server.media.transport import (
    DtlsTransport,
    SharedCertificate,
    agent_of,
    check_internals,
    new_connection,
    use_hosts,
)
from server.media.turns import Turns
from tests.helpers.webrtc import Client, connected


async def test_all_connections_have_one_certificate_and_one_context() -> None:
    certificate = SharedCertificate.of_this_process()
    assert certificate is SharedCertificate.of_this_process()
    assert certificate._create_ssl_context(SRTP_PROFILES) is certificate._create_ssl_context(
        SRTP_PROFILES
    )
    assert certificate.getFingerprints() is certificate.getFingerprints()


async def test_several_clients_connect_with_one_certificate() -> None:
    async with (
        connected(Client("recvonly"), SubscriberTrack(Broadcast())) as one,
        connected(Client("recvonly"), SubscriberTrack(Broadcast())) as other,
    ):
        assert one.state == other.state == "connected"


async def test_the_certificate_is_renewed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = SharedCertificate.of_this_process()

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls.fromtimestamp((datetime.now(UTC) + timedelta(days=20)).timestamp(), UTC)

    monkeypatch.setattr(transport, "datetime", Later)
    assert SharedCertificate.of_this_process() is not first


class RsaCertificate(RTCCertificate):
    """As older clients have it, who as servers have ciphers for no other."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")
        return context


@pytest.mark.parametrize(
    ("kind", "setup"), [(RsaCertificate, "passive"), (RTCCertificate, "active")]
)
async def test_a_client_with_an_rsa_certificate_connects(
    kind: type[RTCCertificate], setup: str
) -> None:
    """As DTLS's server, and as its client."""
    key: Any = rsa.generate_private_key(65537, 2048)
    client = Client("recvonly")
    connection: Any = client.connection
    dtls: Any = client.transceiver.receiver.transport
    certificate = kind(key, generate_certificate(key))
    connection._RTCPeerConnection__certificates = [certificate]
    dtls._RTCDtlsTransport__local_certificate = certificate
    async with connected(
        client,
        SubscriberTrack(Broadcast()),
        offered=lambda sdp: sdp.replace("setup:actpass", f"setup:{setup}"),
    ) as peer:
        assert peer.state == "connected"


@pytest.fixture
async def ice() -> Any:
    ice = Ice("them", "p" * 22, lambda: None)
    yield ice
    ice.close()


async def test_repeated_datagrams_during_a_wait_are_not_lost(ice: Ice) -> None:
    turns = Turns()
    dtls = DtlsTransport(
        ice, turns, Counter(), is_client=True, on_rtp=lambda _: None, on_rtcp=lambda _: None
    )
    below = dtls.transport
    ice.take_data(b"\x80one")
    ice.take_data(b"\x80two")
    async with turns._lock:  # somebody's turn takes long
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await below._recv()
    assert [await below._recv(), await below._recv()] == [b"\x80one", b"\x80two"]


async def test_only_a_handshake_is_paced(ice: Ice) -> None:
    turns = Turns()
    dtls = DtlsTransport(
        ice, turns, Counter(), is_client=True, on_rtp=lambda _: None, on_rtcp=lambda _: None
    )
    dtls.encrypted = True
    ice.take_data(b"\x80one")
    async with turns._lock, asyncio.timeout(5):
        assert await dtls.transport._recv() == b"\x80one"


async def test_everything_else_has_a_turn_while_a_participant_s_datagrams_are_read(
    ice: Ice,
) -> None:
    """aiortc asks for one after the other: else the clock would wait for all of them."""
    dtls = DtlsTransport(
        ice, Turns(), Counter(), is_client=True, on_rtp=lambda _: None, on_rtcp=lambda _: None
    )
    dtls.encrypted = True
    sent = [b"\x80%d" % number for number in range(40)]
    for data in sent:
        ice.take_data(data)
    read, at_turns = list[bytes](), list[int]()

    async def read_all() -> None:
        while len(read) < len(sent):
            read.append(await dtls.transport._recv())

    async def everything_else() -> None:
        while len(read) < len(sent):
            at_turns.append(len(read))
            await asyncio.sleep(0)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(everything_else())
        group.create_task(read_all())
    assert read == sent
    assert all(next_ - turn <= IN_A_ROW for turn, next_ in pairwise([*at_turns, len(sent)]))


async def test_a_participant_s_rtcp_is_limited(ice: Ice, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 5.0
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: now_s))
    taken, dropped = list[Any](), Counter[str]()
    dtls = DtlsTransport(
        ice, Turns(), dropped, is_client=True, on_rtp=lambda _: None, on_rtcp=taken.append
    )
    data = bytes(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2, list(range(0, 5400, 17))))
    for _ in range(40):
        await dtls._handle_rtcp_data(data)
    assert len(taken) == RTCP_BYTES_PER_S // len(data)
    assert dropped == {"too_much_rtcp": 40 - len(taken)}
    now_s += 1
    await dtls._handle_rtcp_data(data)
    assert len(taken) == RTCP_BYTES_PER_S // len(data) + 1


async def test_honest_rtcp_is_never_too_much(ice: Ice) -> None:
    """A report and a NACK for each packet of sound of three seconds, at once."""
    taken, dropped = list[Any](), Counter[str]()
    dtls = DtlsTransport(
        ice, Turns(), dropped, is_client=True, on_rtp=lambda _: None, on_rtcp=taken.append
    )
    report = RtcpRrPacket(1, [RtcpReceiverInfo(2, 0, 0, 0, 0, 0, 0)])
    for number in range(150):
        nack = RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2, [number, number + 10, number + 40])
        await dtls._handle_rtcp_data(bytes(report) + bytes(nack))
    assert len(taken) == 300 and not dropped


def test_the_installed_aiortc_passes_the_check() -> None:
    check_internals()


def test_another_version_of_aiortc_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.0.0")
    with pytest.raises(RuntimeError, match="aiortc is 2.0.0"):
        check_internals()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(RTCDtlsTransport, "_handle_rtp_data"), (RTCCertificate, "_create_ssl_context")],
)
def test_a_missing_private_name_is_noticed(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(RuntimeError, match=f"has no {name}"):
        check_internals()


def test_a_missing_libsrtp_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "lib", None)
    with pytest.raises(RuntimeError, match="_binding"):
        check_internals()


async def test_a_client_uses_no_public_stun_server() -> None:
    """aiortc asks Google's unless it is told otherwise."""
    connection = new_connection()
    agent = agent_of(connection.addTransceiver("audio"))
    assert (agent.stun_server, agent.turn_server) == (None, None)
    await connection.close()


@pytest.fixture
async def agent() -> Any:
    agent = aioice.Connection(ice_controlling=False)
    yield agent
    await agent.close()


async def test_unavailable_addresses_of_a_client_are_skipped(agent: aioice.Connection) -> None:
    use_hosts(agent, ["198.51.100.1", "127.0.0.1"])
    await agent.gather_candidates()
    assert [candidate.host for candidate in agent.local_candidates] == ["127.0.0.1"]


async def test_a_client_without_any_address_is_an_error(agent: aioice.Connection) -> None:
    use_hosts(agent, ["198.51.100.1"])
    with pytest.raises(OSError, match="no UDP socket"):
        await agent.gather_candidates()
