"""Listeners of a fan-out, each with a socket and an SRTP session of its own."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from aiortc import RTCRtpSender
from aiortc.rtcdtlstransport import State
from aiortc.rtp import AnyRtcpPacket, RtcpPacket, RtpPacket, is_rtcp
from pyee import EventEmitter
from pylibsrtp import Policy, Session

from server.media.batch import Sending
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.direct import DirectSender
from server.media.fanout import FanOut
from tests.helpers.waiting import until

OPUS = SimpleNamespace(payloadType=111)
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_256_GCM


class Ear:
    """A listener's own end, and what stands for aiortc at the server's: real sockets, real
    SRTP. ``sending`` is the server's socket."""

    def __init__(self, sending: socket.socket, ssrc: int = 7) -> None:
        key = os.urandom(44)
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE)
        policy.allow_repeat_tx = True
        incoming = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE)
        self._session = Session(incoming)
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.bind(("127.0.0.1", 0))
        self.own.setblocking(False)
        self.dtls = dtls = cast(Any, EventEmitter())
        dtls._state = State.CONNECTED
        dtls._tx_srtp = Session(policy)
        self.connection = SimpleNamespace(_nominated={1: self.pair(sending)})
        dtls.transport = SimpleNamespace(_connection=self.connection)
        self.sender: Any = SimpleNamespace(_ssrc=ssrc, transport=self.dtls)
        for name in ("rtp_started", "rtp_exited", "rtcp_started", "rtcp_exited"):
            setattr(self.sender, f"_RTCRtpSender__{name}", asyncio.Event())
        self.sender._RTCRtpSender__cname = "tolk"
        self._rtcp: list[bytes] = []

    def pair(self, sending: socket.socket, to: socket.socket | None = None) -> Any:
        transport = SimpleNamespace(get_extra_info=lambda name: sending)
        return SimpleNamespace(
            remote_addr=(to or self.own).getsockname(),
            protocol=SimpleNamespace(transport=transport),
        )

    def set_state(self, state: State) -> None:
        self.dtls._state = state
        self.dtls.emit("statechange")

    def datagrams(self) -> list[bytes]:
        """What came since it was last asked for, as it came; no RTCP."""
        return [data for data in self._received() if not is_rtcp(data)]

    def packets(self) -> list[RtpPacket]:
        """What came since it was last asked for."""
        found = []
        for data in self._received():
            if is_rtcp(data):
                self._rtcp.append(self._session.unprotect_rtcp(data))
            else:
                found.append(RtpPacket.parse(self._session.unprotect(data)))
        return found

    async def says(self, packet: AnyRtcpPacket) -> None:
        """The server hears this of it."""
        for each in RtcpPacket.parse(bytes(packet)):
            await self.sender._handle_rtcp_packet(each)

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
    """A fan-out with listeners: ``together`` by one socket, or each by its own."""

    def __init__(
        self, group: asyncio.TaskGroup, stack: ExitStack, together: bool, batch: Sending | None
    ) -> None:
        self.fan_out = FanOut(batch=batch)
        self.channel, self.other = Broadcast("one"), Broadcast("other")
        self.tracks: dict[Ear, SubscriberTrack] = {}
        self._group, self._stack, self.together = group, stack, together
        self.shared = self.socket()

    def socket(self) -> socket.socket:
        out = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        out.bind(("127.0.0.1", 0))
        out.setblocking(False)
        return out

    async def ear(self, ssrc: int = 7, red_type: int | None = None) -> Ear:
        ear = Ear(self.shared if self.together else self.socket(), ssrc)
        self._stack.enter_context(ear.own)
        self.tracks[ear] = SubscriberTrack(self.channel)
        DirectSender(cast(RTCRtpSender, ear.sender), self.tracks[ear], self.fan_out, red_type)
        ear.sender.tasks = [
            self._group.create_task(ear.sender._run_rtp(OPUS)),
            self._group.create_task(ear.sender._run_rtcp()),
        ]
        await until(lambda: bool(self.channel._groups))
        await asyncio.sleep(0)
        return ear

    async def leave(self, ear: Ear) -> None:
        """As aiortc's sender is stopped."""
        for task in ear.sender.tasks:
            task.cancel()
        await asyncio.wait(ear.sender.tasks)

    def publish(self, ticks: range, channel: Broadcast | None = None) -> None:
        for tick in ticks:
            (channel or self.channel).publish(tick, b"opus-%d" % tick)


@asynccontextmanager
async def open_hall(together: bool, batch: Sending | None = None) -> AsyncIterator[Hall]:
    """A hall that is left by all at the end."""
    with ExitStack() as stack:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            hall = Hall(group, stack, together, batch)
            yield hall
            for ear in hall.tracks:
                for task in ear.sender.tasks:
                    task.cancel()
