"""What participants are told whose session ends without their doing."""

from signaling.errors import ProtocolError


def taken_over() -> ProtocolError:
    """Somebody else speaks instead."""
    return ProtocolError("taken_over", "Another speaker has taken over.")


def ended() -> ProtocolError:
    """An operator has ended the stream."""
    return ProtocolError("ended", "The operator has ended this stream.")


def gone_on() -> ProtocolError:
    """Another connection resumed the session."""
    return ProtocolError("replaced", "This session goes on in another window or device.")


def going_away(back_s: float) -> ProtocolError:
    """The server stops. ``back_s``: after how long another will be there."""
    return ProtocolError(
        "unavailable", "The server is stopping. Connect again in a moment.", retry_after_s=back_s
    )


def moved(url: str) -> ProtocolError:
    """The server stops; the one at ``url`` has the same streams."""
    return ProtocolError("elsewhere", f"The server is stopping. Listen at {url}.", url=url)
