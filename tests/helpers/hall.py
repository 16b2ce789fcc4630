"""Listeners of a fan-out, each with its own socket and SRTP session."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from aiortc.rtp import AnyRtcpPacket, RtcpPacket, RtpPacket, is_rtcp
from pylibsrtp import Policy, Session

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.fanout import FanOut
from server.media.ice import Address, Ice, Path
from server.media.sender import Sender

OPUS = 111
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_256_GCM


class Out:
    """A socket of the server, with the interface that ICE has."""

    def __init__(self, out: socket.socket) -> None:
        self.socket = out

    def send(self, data: bytes, address: Address) -> None:
        self.socket.sendto(data, address)

    def claim(self, address: Address, ice: Ice) -> bool:
        return True

    def release(self, address: Address, ice: Ice) -> None:
        pass

    def limit(self) -> str:
        return ""


class Ear:
    """A listener: its own end of the connection, and its sender in the server. Sockets and SRTP
    are real. ``out``: the server's socket."""

    def __init__(
        self,
        out: socket.socket,
        track: SubscriberTrack,
        fan_out: FanOut,
        ssrc: int,
        red_type: int | None,
    ) -> None:
        key = os.urandom(44)
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE)
        policy.allow_repeat_tx = True
        incoming = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE)
        self._session = Session(incoming)
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.bind(("127.0.0.1", 0))
        self.own.setblocking(False)
        self.ssrc = ssrc
        self.sender = Sender(track, fan_out, ssrc, "tolk", OPUS, red_type)
        self.sender.start(Session(policy), self.path(out))
        self._rtcp: list[bytes] = []

    def path(self, out: socket.socket, to: socket.socket | None = None) -> Path:
        return Path(Out(out), (to or self.own).getsockname())

    def datagrams(self) -> list[bytes]:
        """The datagrams received since the last call, without RTCP, still encrypted."""
        return [data for data in self._received() if not is_rtcp(data)]

    def packets(self) -> list[RtpPacket]:
        """The packets received since the last call."""
        found = []
        for data in self._received():
            if is_rtcp(data):
                self._rtcp.append(self._session.unprotect_rtcp(data))
            else:
                found.append(RtpPacket.parse(self._session.unprotect(data)))
        return found

    def says(self, packet: AnyRtcpPacket) -> None:
        """Give RTCP packets of the listener to the server."""
        for each in RtcpPacket.parse(bytes(packet)):
            self.sender.receive_rtcp(each)

    def rtcp(self) -> list[Any]:
        self.packets()
        return [packet for data in self._rtcp for packet in RtcpPacket.parse(data)]

    def _received(self) -> Iterator[bytes]:
        while True:
            try:
                yield self.own.recv(2000)
            except BlockingIOError:
                return


class Hall:
    """A fan-out with listeners. ``together``: one socket of the server sends to all of them."""

    def __init__(self, stack: ExitStack, together: bool) -> None:
        self.fan_out = FanOut()
        self.channel, self.other = Broadcast("one"), Broadcast("other")
        self.tracks: dict[Ear, SubscriberTrack] = {}
        self._stack, self.together = stack, together
        self.shared = self.socket()

    def socket(self) -> socket.socket:
        out = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        out.bind(("127.0.0.1", 0))
        out.setblocking(False)
        return out

    def ear(self, ssrc: int = 7, red_type: int | None = None) -> Ear:
        out = self.shared if self.together else self.socket()
        track = SubscriberTrack(self.channel)
        ear = Ear(out, track, self.fan_out, ssrc, red_type)
        self._stack.enter_context(ear.own)
        self.tracks[ear] = track
        return ear

    def publish(self, ticks: range, channel: Broadcast | None = None) -> None:
        for tick in ticks:
            (channel or self.channel).publish(tick, b"opus-%d" % tick)


@asynccontextmanager
async def open_hall(together: bool) -> AsyncIterator[Hall]:
    """A hall that all listeners leave at the end."""
    with ExitStack() as stack:
        hall = Hall(stack, together)
        yield hall
        for ear in hall.tracks:
            ear.sender.stop()
