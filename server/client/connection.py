"""The PeerConnection of a headless participant."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket

from server.client.arrivals import Arrivals, timed
from server.client.conversation import CLOSE_S, CONNECT_S, NoAudio, Participant
from server.media import transport
from signaling import messages as wire

#: Changes an answer before it is taken.
Through = Callable[[str], str]


@asynccontextmanager
async def connected(
    participant: Participant,
    track: MediaStreamTrack | None,
    arrivals: Arrivals | None,
    through: Through = lambda sdp: sdp,
) -> AsyncIterator[None]:
    """While the body runs, a PeerConnection that sends ``track`` and notes the received packets in
    ``arrivals``."""
    directions = {(True, True): "sendrecv", (True, False): "sendonly"}
    direction = directions.get((track is not None, arrivals is not None), "recvonly")
    connection = transport.new_connection()
    participant.connection = connection
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close, connection)
        transceiver = connection.addTransceiver(track or "audio", direction=direction)
        agent = transport.agent_of(transceiver)
        # The address that reaches the server's WebSocket also reaches its UDP port.
        transport.use_hosts(agent, [participant.local_address])
        transport.trust_server(agent)
        await connection.setLocalDescription(await connection.createOffer())
        if arrivals is not None:
            stack.enter_context(timed(transport.sockets_of(agent), arrivals))

            def keep(packet: RtpPacket) -> None:
                arrivals.keep(packet.timestamp, packet.payload)

            transport.take_packets(transceiver.receiver, keep)
        answer = await participant.ask(wire.Offer(sdp=connection.localDescription.sdp), wire.Answer)
        await connection.setRemoteDescription(RTCSessionDescription(through(answer.sdp), "answer"))
        await _up(connection)
        yield


async def _up(connection: RTCPeerConnection) -> None:
    """Wait until audio can flow. Raises NoAudio if it cannot in time."""
    changed = asyncio.Event()
    connection.on("connectionstatechange", changed.set)
    try:
        async with asyncio.timeout(CONNECT_S):
            while (state := connection.connectionState) != "connected":
                if state in ("failed", "closed"):
                    raise NoAudio(f"no audio: the connection is {state}")
                changed.clear()
                await changed.wait()
    except TimeoutError:
        raise NoAudio(f"no audio: not connected within {CONNECT_S:g} s") from None


async def _close(connection: RTCPeerConnection) -> None:
    async with asyncio.timeout(CLOSE_S):
        await connection.close()
