"""What a session needs of the connection over which a participant joined: a WebSocket
(``websocket``), or HTTP requests (``whip``)."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from signaling.errors import ProtocolError
from signaling.messages import Message, ServerMessage
from signaling.outbox import Outbox

M_co = TypeVar("M_co", bound=Message, covariant=True)


@dataclass(frozen=True)
class IceRestart:
    """New ICE credentials of a participant: ``username``, ``password``. ``answer``: the server's,
    as an SDP fragment (RFC 8840); or ProtocolError, after which the session goes on as before."""

    username: str
    password: str
    answer: asyncio.Future[str]

    def settle(self, answer: str | ProtocolError) -> None:
        """Answer it, if nobody has."""
        if self.answer.done():
            return
        if isinstance(answer, str):
            self.answer.set_result(answer)
        else:
            self.answer.set_exception(answer)


class Transport(Protocol[M_co]):
    """One participant's messages, in both directions. ``M_co``: those that it may send."""

    @property
    def silence_s(self) -> float | None:
        """A speaker from whom no audio has come for so long is gone. None: that is noticed in
        another way."""
        ...

    @property
    def outbox(self) -> Outbox:
        """What waits to be sent, and counts of what was dropped."""
        ...

    @property
    def error(self) -> ProtocolError | None:
        """Why the session ended; None after a normal end."""
        ...

    async def receive(self) -> M_co | bytes | IceRestart | None:
        """Wait for the next message (or bytes: a speaker's audio). None: the participant is gone.
        Only a transport without renegotiation hands over an ICE restart. Raises ProtocolError,
        which ends the session."""
        ...

    def answering(self) -> AbstractContextManager[None]:
        """Around the handling of one message. Errors that do not end the session are sent to the
        participant; others are raised."""
        ...

    def send(self, message: ServerMessage) -> None:
        """Send a message. Never waits and never fails."""

    def send_audio(self, packet: bytes) -> None:
        """Send an RTP packet. Never waits and never fails."""

    def close(self, error: ProtocolError) -> None:
        """End the session because of ``error``. Never waits; only the first call has an effect."""
