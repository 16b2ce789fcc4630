"""A participant's connection as a session uses it. Nothing waits for ever: a connection that is
not up in time counts as gone.
"""

import asyncio
from collections.abc import AsyncGenerator

from aioice.ice import get_host_addresses
from aiortc import RTCSessionDescription

from server.media.broadcast import SubscriberTrack
from server.media.connection import PeerConnection
from server.media.plane import MediaPlane
from server.media.receive import Sound

CONNECT_S = 15.0


class PeerGone(Exception):
    """The connection did not come up, or is no longer up; the message says why."""


class Peer:
    """One participant's connection. The caller must close() it.

    ``sdp`` is the answer, with all candidates.
    """

    def __init__(self, connection: PeerConnection, plane: MediaPlane) -> None:
        assert connection.localDescription is not None
        self.sdp = connection.localDescription.sdp
        self._plane = plane
        self._connection = connection
        self._changed = asyncio.Event()
        self._gone: str | None = None
        self._deadline = asyncio.get_running_loop().call_later(CONNECT_S, self._not_in_time)
        connection.onconnectionstatechange = self._on_change
        plane.peers.add(self)

    @property
    def state(self) -> str:
        """ "new", "connecting", "connected", "failed" or "closed"."""
        return self._connection.connectionState

    @property
    def heard_from(self) -> bool:
        """Whether an authenticated ICE check of the participant has arrived."""
        return self._connection.heard_from

    def give_up(self, reason: str) -> None:
        """From now on the connection counts as gone, for ``reason``."""
        if self._gone is None:
            self._gone = reason
        self._changed.set()

    async def connected(self) -> None:
        """Wait until audio can flow. Raises PeerGone, after CONNECT_S at the latest."""
        while self._gone is None and self.state != "connected":
            await self._change()
        if self._gone is not None:
            raise PeerGone(self._gone)

    async def closed(self) -> str:
        """Wait until the connection is gone. Returns the reason. A participant who vanishes is
        noticed within 14 s, one who never connects after CONNECT_S."""
        while self._gone is None:
            await self._change()
        return self._gone

    async def restart(self, username: str, password: str) -> str:
        """Take the participant's new ICE credentials. Returns ours, as an SDP fragment. Audio goes
        on meanwhile. Raises PeerGone."""
        if self._gone is not None:
            raise PeerGone(self._gone)
        return self._connection.restartIce(username, password)

    def sounds(self) -> AsyncGenerator[Sound, None]:
        """The participant's audio, from its first packet on. Must be read all the time. It never
        ends by itself."""
        assert self._connection.uplink is not None
        return self._connection.uplink.sounds()

    @property
    def silent_s(self) -> float:
        """Seconds since the participant's last packet of audio."""
        assert self._connection.uplink is not None
        return self._connection.uplink.silent_s

    async def silent(self, for_s: float) -> None:
        """Wait until no audio of the participant has come for ``for_s`` seconds."""
        left_s = for_s
        while left_s > 0:
            await asyncio.sleep(left_s)
            left_s = for_s - self.silent_s

    async def close(self) -> None:
        """Free sockets and tasks. May be called again."""
        self._plane.peers.discard(self)
        self.give_up("closed by the server")
        self._deadline.cancel()
        try:
            await self._plane.turns.wait()
        finally:
            await self._connection.close()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _on_change(self) -> None:
        if self.state == "connected":
            self._deadline.cancel()
        elif self.state in ("failed", "closed"):
            self.give_up("it was closed or lost at the participant's end")
        self._changed.set()

    def _not_in_time(self) -> None:
        self.give_up(f"no connection within {CONNECT_S:.0f} s")


async def answer(
    offer_sdp: str,
    plane: MediaPlane,
    *,
    send: SubscriberTrack | None = None,
    receive: bool = False,
) -> Peer:
    """Answer a checked offer: send a track, receive the participant's audio, or both.

    Raises OSError if no socket can be opened.
    """
    assert send or receive
    await plane.turns.wait()
    connection = PeerConnection(plane, receive=receive)
    if send is not None:
        connection.addTrack(send)
    try:
        await connection.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
        await connection.setLocalDescription()
    except BaseException:
        await connection.close()  # noqa: ASYNC120
        raise
    return Peer(connection, plane)


def host_addresses(bind: str) -> list[str]:
    """The addresses of this machine at which a server bound to ``bind`` can be reached."""
    if bind == "localhost":
        return ["127.0.0.1"]
    if bind in ("", "0.0.0.0", "::"):
        return [*get_host_addresses(use_ipv4=True, use_ipv6=bind != "0.0.0.0"), "127.0.0.1"]
    return [bind]
