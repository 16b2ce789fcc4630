"""Many WebRTC listeners in one process, and statistics of the packets that arrive.

Each joins with real ICE, DTLS and SRTP. After that its socket is read by ``draining``; STUN and
DTLS are handed to aiortc, receiver reports are sent as browsers send them, and one packet of every
pass is decrypted and checked.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple

import aiohttp
import numpy as np
from aiortc import RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtpPacket
from numpy.typing import NDArray
from pylibsrtp import Error as SrtpError

from server.client.arrivals import unwrapped
from server.media import libopus
from server.media.opus import SAMPLES_PER_TICK
from server.media.transport import new_connection, use_hosts
from tools.bench.draining import Arrived, Drain
from tools.bench.janus import Signaling, own_address
from tools.packets import jitter_s, lateness_s, missing

#: If more joined at once, this process's DTLS would be measured.
JOINING_AT_ONCE = 4
JOIN_S = 30.0
PASS_S = 0.05
#: The interval between receiver reports, as in Chromium.
REPORT_S = 5.0
RECEIVE_BUFFER = 1 << 20


class Delivered(NamedTuple):
    """How the packets of a run arrived. ``lateness_s``: per packet; ``jitters_s``: per listener."""

    packets: int
    lost: int
    silent: int
    lateness_s: NDArray[np.float64]
    jitters_s: NDArray[np.float64]


class _Member(NamedTuple):
    """``began_s``: on the wall clock, which the kernel's times of arrival are on."""

    connection: RTCPeerConnection
    dtls: Any
    pair: Any
    began_s: float


class Listeners:
    """The listeners. ``connected_s``: how long each took to connect. ``sampled``: packets that were
    checked; ``sound``: those of them that were authentic Opus of 20 ms."""

    def __init__(self, negotiate: "Negotiate") -> None:
        self.connected_s: list[float] = []
        self.sampled = self.sound = 0
        self._negotiate = negotiate
        self._drain = Drain(self._pass_on, self._look_into)
        self._members: list[_Member] = []
        self._ssrcs: dict[int, int] = {}
        self._first_s: dict[int, float] = {}
        self._kept: list[Arrived] | None = None

    @property
    def first_packet_s(self) -> list[float]:
        """The time from a listener's offer to its first packet, for each that got one."""
        return list(self._first_s.values())

    async def join(self, count: int, at_once: int = JOINING_AT_ONCE) -> None:
        """Let ``count`` more join. Raises TimeoutError or ConnectionError if one cannot."""
        gate = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with gate, asyncio.timeout(JOIN_S):
                await self._join()

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(one(), name=f"join-{number}")

    async def _join(self) -> None:
        loop: Any = asyncio.get_running_loop()
        connection, began_s, since_s = new_connection(), time.time(), loop.time()
        changed = asyncio.Event()
        connection.on("connectionstatechange", changed.set)
        await self._negotiate(connection)
        transceiver: Any = connection.getTransceivers()[0]
        dtls = transceiver.receiver.transport
        while (state := connection.connectionState) != "connected":
            if state in ("failed", "closed"):
                raise ConnectionError(f"a listener's connection is {state}")
            changed.clear()
            await changed.wait()
        self.connected_s.append(loop.time() - since_s)
        pair = dtls.transport._connection._nominated[1]
        shared = pair.protocol.transport.get_extra_info("socket")
        loop._remove_reader(shared.fileno())
        own = shared.dup()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._drain.add(own)
        self._members.append(_Member(connection, dtls, pair, began_s))

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Read sockets and send receiver reports while the body runs; then leave."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._read(), name="read"),
                group.create_task(self._report(), name="report"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                self._drain.close()
                for member in self._members:
                    ice = member.dtls.transport._connection
                    if ice._query_consent_task is not None:
                        ice._query_consent_task.cancel()
                    for protocol in ice._protocols:
                        protocol.transport.abort()

    @asynccontextmanager
    async def recorded(self) -> AsyncIterator[list[Arrived]]:
        """Record what arrives while the body runs, for delivered()."""
        kept: list[Arrived] = []
        self._kept = kept
        yield kept
        self._kept = None

    async def _read(self) -> None:
        while True:
            for arrived in self._drain.run():
                if len(self._first_s) < len(self._members):
                    self._note_first(arrived)
                if self._kept is not None:
                    self._kept.append(arrived)
            await asyncio.sleep(PASS_S)

    def _note_first(self, arrived: Arrived) -> None:
        numbers, rows = np.unique(arrived.listener, return_index=True)
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            at_s = arrived.at_ns[row] / 1e9
            self._first_s.setdefault(number, at_s - self._members[number].began_s)

    async def _report(self) -> None:
        """Send a receiver report for each listener every REPORT_S, spread evenly."""
        turn = 0
        while True:
            await asyncio.sleep(PASS_S)
            count = round(len(self._members) * PASS_S / REPORT_S) or 1
            for _ in range(count if self._members else 0):
                turn = (turn + 1) % len(self._members)
                ssrc = self._ssrcs.get(turn)
                if ssrc is not None:
                    info = RtcpReceiverInfo(ssrc, 0, 0, 0, 0, 0, 0)
                    report = bytes(RtcpRrPacket(ssrc=1, reports=[info]))
                    with suppress(ConnectionError):
                        await self._members[turn].dtls._send_rtp(report)

    def _pass_on(self, number: int, data: bytes) -> None:
        pair = self._members[number].pair
        pair.protocol.datagram_received(data, pair.remote_addr)

    def _look_into(self, number: int, data: bytes) -> None:
        self.sampled += 1
        self._ssrcs[number] = int.from_bytes(data[8:12])
        try:
            packet = RtpPacket.parse(self._members[number].dtls._rx_srtp.unprotect(data))
        except (SrtpError, ValueError):
            return
        self.sound += libopus.packet_samples(packet.payload) == SAMPLES_PER_TICK


Negotiate = Callable[[RTCPeerConnection], Awaitable[None]]
#: Lets connections join a server (its address), a stream, a channel.
Joining = Callable[[str, str, str], AbstractAsyncContextManager[Negotiate]]


@asynccontextmanager
async def offering_to(url: str) -> AsyncIterator[Negotiate]:
    """A negotiation in which the listener offers, and gets the answer by HTTP."""

    async def negotiate(connection: RTCPeerConnection) -> None:
        made_light(connection.addTransceiver("audio", direction="recvonly"), "127.0.0.1")
        await connection.setLocalDescription(await connection.createOffer())
        offer = connection.localDescription.sdp
        async with http.post(f"{url}/offer", data=offer) as response:
            answer = await response.text()
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async with aiohttp.ClientSession() as http:
        yield negotiate


@asynccontextmanager
async def answering_janus(url: str) -> AsyncIterator[Negotiate]:
    """A negotiation in which Janus offers."""

    async def negotiate(connection: RTCPeerConnection) -> None:
        handle, offer = await signaling.offer()
        await connection.setRemoteDescription(offer)
        made_light(connection.getTransceivers()[0], own_address())
        await connection.setLocalDescription(await connection.createAnswer())
        await signaling.answer(handle, connection)

    async with Signaling(url) as signaling:
        yield negotiate


def made_light(transceiver: RTCRtpTransceiver, host: str) -> None:
    """Limit a connection to one address, without aiortc's decoder thread and reports."""
    use_hosts(transceiver.receiver.transport.transport._connection, [host])

    async def receive(parameters: Any) -> None:
        pass

    transceiver.receiver.receive = receive  # type: ignore[method-assign]


def delivered(heard: Sequence[Arrived], listeners: int) -> Delivered:
    """The statistics of what ``count`` listeners received."""
    if not heard:
        return Delivered(0, 0, listeners, np.zeros(0), np.zeros(0))
    all_of_them = Arrived(*(np.concatenate(column) for column in zip(*heard, strict=True)))
    lateness, jitters, lost = [], [], 0
    order = np.argsort(all_of_them.listener, kind="stable")
    numbers, starts = np.unique(all_of_them.listener[order], return_index=True)
    for rows in np.split(order, starts[1:]):
        at_s = (all_of_them.at_ns[rows] - all_of_them.at_ns[0]) / 1e9
        timestamps = unwrapped(all_of_them.timestamp[rows], 32)
        lateness.append(lateness_s(at_s, timestamps))
        jitters.append(jitter_s(at_s, timestamps))
        lost += missing(unwrapped(all_of_them.sequence[rows], 16))
    return Delivered(
        packets=order.size,
        lost=lost,
        silent=listeners - numbers.size,
        lateness_s=np.concatenate(lateness),
        jitters_s=np.array(jitters),
    )
