"""What a session needs of the connection over which a participant joined: a WebSocket
(``websocket``), or HTTP requests (``whip``)."""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from signaling.errors import ProtocolError
from signaling.messages import Message, ServerMessage
from signaling.outbox import Outbox

M_co = TypeVar("M_co", bound=Message, covariant=True)


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

    async def receive(self) -> M_co | bytes | None:
        """Wait for the next message (or bytes: a speaker's audio). None: the participant is gone.
        Raises ProtocolError, which ends the session."""
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
