from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.media import identity
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.identity import SharedCertificate, new_connection
from tests.helpers.webrtc import Client, connected


def certificate_of(connection: Any) -> SharedCertificate:
    certificate = connection._RTCPeerConnection__certificates[0]
    assert isinstance(certificate, SharedCertificate)
    return certificate


async def test_all_connections_have_one_certificate_and_one_context() -> None:
    one, other = new_connection(), new_connection()
    certificate = certificate_of(one)
    assert certificate is certificate_of(other)
    assert certificate._create_ssl_context([]) is certificate._create_ssl_context([])
    await one.close()
    await other.close()


async def test_several_connect_with_it() -> None:
    async with (
        connected(Client("recvonly"), SubscriberTrack(Broadcast())) as one,
        connected(Client("recvonly"), SubscriberTrack(Broadcast())) as other,
    ):
        assert one.state == other.state == "connected"


async def test_it_is_renewed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = SharedCertificate.of_this_process()

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls.fromtimestamp((datetime.now(UTC) + timedelta(days=20)).timestamp(), UTC)

    monkeypatch.setattr(identity, "datetime", Later)
    assert SharedCertificate.of_this_process() is not first


async def test_nobody_elses_server_is_asked() -> None:
    """aiortc asks Google's unless it is told otherwise."""
    connection = new_connection()
    transceiver = connection.addTransceiver("audio")
    ice = transceiver.receiver.transport.transport._connection
    assert (ice.stun_server, ice.turn_server) == (None, None)
    await connection.close()
