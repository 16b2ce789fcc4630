"""Builds datagrams as hostile senders might send them."""

import struct
from collections.abc import Callable

from aioice import stun
from aiortc.rtp import (
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    pack_remb_fci,
)
from OpenSSL import SSL

from tools.attack.mutation import Mutator

#: A DTLS 1.2 record: the fatal alert handshake_failure.
ALERT = bytes([21, 254, 253, *bytes(8), 0, 2, 2, 40])
#: The largest payload of a UDP datagram over IPv4, in bytes.
OVERSIZED = 65_507
OPUS_PAYLOAD_TYPE = 96
#: Packets that a NACK of one datagram can request.
MOST_LOST = 17 * 320


def hello() -> bytes:
    """A DTLS ClientHello of OpenSSL."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        pass
    return connection.bio_read(1500)


def check(username: str, password: str, mutator: Mutator) -> bytes:
    """A STUN check with some of the attributes, signed with ``password``."""
    rng = mutator.random
    request = stun.Message(
        stun.Method.BINDING,
        rng.choice((stun.Class.REQUEST, stun.Class.REQUEST, stun.Class.INDICATION)),
        transaction_id=rng.randbytes(12),
    )
    attributes: dict[str, object] = {
        "USERNAME": username,
        "PRIORITY": rng.getrandbits(32),
        rng.choice(("ICE-CONTROLLING", "ICE-CONTROLLED")): rng.getrandbits(64),
        "USE-CANDIDATE": None,
        "SOFTWARE": "x" * rng.randrange(200),
    }
    for name, value in attributes.items():
        if rng.random() < 0.8:
            request.attributes[name] = value
    request.add_message_integrity(password.encode())
    return bytes(request)


def answer(mutator: Mutator) -> bytes:
    """A STUN response to a check that nobody sent."""
    response = stun.Message(
        stun.Method.BINDING,
        mutator.random.choice((stun.Class.RESPONSE, stun.Class.ERROR)),
        transaction_id=mutator.random.randbytes(12),
    )
    response.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 9)
    return bytes(response)


def rtp(mutator: Mutator) -> bytes:
    """An RTP packet, of sound or of nonsense."""
    rng = mutator.random
    header = struct.pack(
        "!BBHII",
        *(0x80, rng.choice((OPUS_PAYLOAD_TYPE, 111, 0, 127)), rng.getrandbits(16)),
        *(rng.getrandbits(32), rng.choice((1, rng.getrandbits(32)))),
    )
    return header + rng.randbytes(rng.choice((0, 1, 3, 80, 1200)))


def rtcp(ssrc: int, mutator: Mutator) -> bytes:
    """One to three RTCP packets of reports and feedback on ``ssrc``, sometimes wrong."""
    rng = mutator.random
    info = RtcpReceiverInfo(ssrc, 255, 2**23 - 1, 2**32 - 1, 2**32 - 1, 7, 2**32 - 1)
    kinds: list[AnyRtcpPacket] = [
        RtcpRrPacket(ssrc=1, reports=[info] * rng.randrange(32)),
        RtcpSrPacket(ssrc=ssrc, sender_info=RtcpSenderInfo(1, 2, 3, 4), reports=[info]),
        RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=ssrc, items=[(1, b"x" * rng.randrange(250))])]),
        RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=sorted(_lost(mutator))),
        RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=ssrc, fci=_remb(ssrc, mutator)),
        RtcpPsfbPacket(fmt=rng.randrange(32), ssrc=1, media_ssrc=ssrc, fci=rng.randbytes(8)),
    ]
    whole = b"".join(bytes(rng.choice(kinds)) for _ in range(rng.randint(1, 3)))
    return whole if rng.random() < 0.5 else whole[:8] + mutator.data(whole[8:])


def _lost(mutator: Mutator) -> set[int]:
    rng = mutator.random
    if rng.random() < 0.2:
        first = rng.randrange(2**16 - MOST_LOST)
        return set(range(first, first + MOST_LOST))
    return {rng.getrandbits(16) for _ in range(rng.randrange(1, 60))}


def _remb(ssrc: int, mutator: Mutator) -> bytes:
    """A REMB packet, sometimes with fewer sources than it says."""
    whole: bytes = pack_remb_fci(1000, [ssrc])
    return whole[:4] + bytes([mutator.random.choice((0, 1, 200))]) + whole[5:]


def stranger(username: str, mutator: Mutator) -> bytes:
    """A datagram of somebody who knows the participant's user name, but not its password."""
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: ALERT,
        lambda: mutator.data(_HELLO),
        lambda: mutator.data(check(username, "w" * 22, mutator)),
        lambda: check(username, "w" * 22, mutator),
        lambda: answer(mutator),
        lambda: mutator.data(answer(mutator)),
        lambda: mutator.data(rtp(mutator)),
        lambda: rtcp(1, mutator),
        lambda: mutator.random.randbytes(mutator.random.randrange(1, 1500)),
    )
    if mutator.random.random() < 0.01:
        return mutator.random.randbytes(16) + bytes(OVERSIZED - 16)
    return mutator.random.choice(makers)()


_HELLO = hello()
