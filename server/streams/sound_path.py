"""A session's audio: over a PeerConnection, or over its WebSocket."""

import asyncio
import logging
import time
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import ExitStack

from server.edge.remote import Edge, RemotePeer, with_fewest
from server.media import rtp
from server.media.broadcast import MediaStreamError, SubscriberTrack
from server.media.peer import Peer, PeerGone, answer
from server.media.places import Busy, Place
from server.media.plane import MediaPlane
from server.media.receive import OpusPackets, Samples, SocketReceiver, Sound
from signaling.errors import ProtocolError
from signaling.messages import Answer, Error, Message, Offer, SpeakerAudio
from signaling.transport import IceRestart, Transport

logger = logging.getLogger(__name__)

Hear = Callable[[Sound], None]


class SoundPath:
    """The audio of one session: over a connection, where a new one replaces the last, or over the
    socket. ``silent_s()``: seconds since the participant's last packet of audio.

    Its tasks are in ``group``. ``address``: the participant's. ``edges``: the processes besides
    this one that may hold a listener's connection.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        connection: Transport[Message],
        plane: MediaPlane,
        address: str,
        edges: Sequence[Edge] = (),
    ) -> None:
        self._address = address
        self._edges = edges
        self._group = group
        self._connection = connection
        self._plane = plane
        self._tasks: list[asyncio.Task[None]] = []
        self._peer: Peer | RemotePeer | None = None
        self._received: SocketReceiver | None = None
        self._pushed_at_s = time.monotonic()
        self.silent_s: Callable[[], float] = lambda: time.monotonic() - self._pushed_at_s

    async def offer(
        self,
        offer: Offer,
        *,
        send: Callable[[], SubscriberTrack] | None = None,
        hear: Hear | None = None,
    ) -> None:
        """Answer an offer; from then on send a track, pass received audio to ``hear``, or both.
        ``send`` makes the track. It is called once there is a place, as every track gets packets.

        Raises ProtocolError if there was no place in time.
        """
        await self.close()
        try:
            place = await self._plane.places.enter(self._address)
        except Busy as error:
            busy: Busy | None = error
        else:
            busy = None
        if busy is not None:
            # Hundreds may be refused together, and to end takes long.
            await self._plane.turns.wait()
            raise ProtocolError(
                "limit", f"{busy}. Come back later.", retry_after_s=busy.retry_after_s
            )
        with ExitStack() as undo:
            undo.callback(place.leave)
            track = None if send is None else send()
            if track is not None:
                undo.callback(track.stop)
            try:
                peer = await self._answered(offer.sdp, track, receive=hear is not None)
            except PeerGone as gone:
                self._connection.send(_lost(str(gone)))
                return
            undo.pop_all()
        place.hold(peer)
        self._peer = peer
        self._connection.send(Answer(sdp=peer.sdp))
        if isinstance(peer, Peer) and hear is not None:
            self.silent_s = lambda: peer.silent_s
        self._tasks = [self._group.create_task(self._run(peer, place, hear), name="peer")]
        await asyncio.sleep(0)  # let the task begin: if cancelled before, it would close nothing

    async def restart(self, restart: IceRestart) -> None:
        """Answer new ICE credentials. Audio goes on meanwhile."""
        try:
            if self._peer is None:
                raise PeerGone("there is none")
            restart.settle(await self._peer.restart(restart.username, restart.password))
        except PeerGone as gone:
            text = f"The audio connection cannot be restarted: {gone}."
            restart.settle(ProtocolError("unavailable", text, retry_after_s=1))

    async def _answered(
        self, sdp: str, track: SubscriberTrack | None, receive: bool
    ) -> Peer | RemotePeer:
        """The connection, in this process or at an edge. Raises PeerGone."""
        if track is not None and not receive:
            edge = with_fewest(self._edges, len(self._plane.peers))
            if edge is not None:
                return await edge.answer(sdp, track)
        return await answer(sdp, self._plane, send=track, receive=receive)

    def hear_on_socket(self, hear: Hear, audio: SpeakerAudio) -> None:
        """Pass the audio of binary messages (see ``push``) to ``hear``."""
        opus = audio == "socket-opus"
        format = OpusPackets() if opus else Samples()
        self._received = SocketReceiver(format, self._plane.socket_audio)
        task = self._group.create_task(_pass(self._received, hear), name="socket-in")
        self._tasks.append(task)

    def push(self, data: bytes) -> None:
        """Take a speaker's binary message. Raises ProtocolError, which does not end the session."""
        self._pushed_at_s = time.monotonic()
        if self._received is not None:
            try:
                self._received.push(data)
            except ValueError as error:
                raise ProtocolError("bad_message", str(error), fatal=False) from error

    def send_on_socket(self, track: SubscriberTrack) -> None:
        """Send the track's packets as binary messages."""
        self._tasks.append(self._group.create_task(self._send_rtp(track), name="socket-out"))

    async def close(self) -> None:
        """Stop sending and receiving."""
        tasks, self._tasks, self._peer = self._tasks, [], None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, peer: Peer | RemotePeer, place: Place, hear: Hear | None) -> None:
        """Hold the connection until it ends. If it is lost, the participant is told, and may send
        a new offer."""
        try:
            await peer.connected()
            place.leave()
            if hear is not None and isinstance(peer, Peer):
                reason = await _heard(peer, hear, self._connection.silence_s)
            else:
                reason = await peer.closed()
        except PeerGone as gone:
            reason = str(gone)
        finally:
            place.leave()
            await peer.close()
        self._connection.send(_lost(reason))

    async def _send_rtp(self, track: SubscriberTrack) -> None:
        sequence = 0
        try:
            while True:
                packet = await track.recv()
                self._connection.send_audio(rtp.packed(sequence, packet.pts or 0, bytes(packet)))
                sequence += 1
        except MediaStreamError:
            logger.debug("the channel of a listener over WebSocket was closed")
        finally:
            self._connection.outbox.dropped_audio += track.dropped
            track.stop()


def _lost(reason: str) -> Error:
    text = f"The audio connection ended: {reason}. Send a new offer."
    return ProtocolError("timeout", text, fatal=False).as_message()


async def _pass(sounds: AsyncIterable[Sound], hear: Hear) -> None:
    async for sound in sounds:
        hear(sound)


async def _heard(peer: Peer, hear: Hear, silence_s: float | None) -> str:
    """Pass a participant's audio to ``hear`` until the connection is gone, or the audio has ended:
    nothing has come for ``silence_s`` (None: however long). Returns the reason."""
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(peer.closed(), name="gone")
        tasks = [gone, group.create_task(_pass(peer.sounds(), hear), name="hear")]
        if silence_s is not None:
            tasks.append(group.create_task(peer.silent(silence_s), name="silent"))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return gone.result() if not gone.cancelled() else "its audio has ended"
