"""Errors that a participant caused: a code for programs, a message for people."""

from typing import Final

from signaling.messages import Error, ErrorCode

#: The WebSocket close code of each error code: RFC 6455's own if there is one, else one from
#: the range for applications. All differ, so a client that lost the message still knows the error.
CLOSE_CODES: Final[dict[ErrorCode, int]] = {
    "bad_message": 4400,
    "unauthorised": 4401,
    "out_of_order": 4402,
    "forbidden": 4403,
    "bad_stream": 4404,
    "unknown_language": 4405,
    "unknown_channel": 4406,
    "bad_sdp": 4407,
    "timeout": 4408,
    "speaker_present": 4409,
    "replaced": 4410,
    "taken_over": 4411,
    "ended": 4412,
    "elsewhere": 4413,
    "limit": 4429,
    "too_large": 1009,
    "internal": 1011,
    "unavailable": 1013,
}


class ProtocolError(Exception):
    """The participant sent something invalid, or asked for something it cannot have.

    ``message`` is sent to the participant: it says what was wrong and what to do, and quotes
    input only shortened. ``fatal``: the session ends. ``retry_after_s``: when to try again.
    ``url``: of the server that does what was asked for. ``place``: of the one that has the stream,
    for people.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        fatal: bool = True,
        retry_after_s: float | None = None,
        url: str | None = None,
        place: str | None = None,
    ) -> None:
        super().__init__(code, message, fatal, retry_after_s, url, place)
        self.code: Final = code
        self.message: Final = message
        self.fatal: Final = fatal
        self.retry_after_s: Final = retry_after_s
        self.url: Final = url
        self.place: Final = place

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def close_code(self) -> int:
        """The WebSocket close code of this error."""
        return CLOSE_CODES[self.code]

    def as_message(self) -> Error:
        """The message that tells the participant of this error."""
        return Error(
            code=self.code,
            message=self.message,
            fatal=self.fatal,
            retry_after_s=self.retry_after_s,
            url=self.url,
            place=self.place,
        )

    def as_fatal(self, fatal: bool) -> "ProtocolError":
        """A copy of this error with ``fatal`` replaced."""
        return ProtocolError(
            self.code, self.message, fatal, self.retry_after_s, self.url, self.place
        )


def protocol_error(error: Exception) -> ProtocolError | None:
    """``error`` as a fatal ProtocolError, if it is one; or the first one in it, if it is an
    ExceptionGroup of ProtocolErrors only. None for anything else."""
    while isinstance(error, ExceptionGroup) and error.split(ProtocolError)[1] is None:
        error = error.exceptions[0]
    return error.as_fatal(True) if isinstance(error, ProtocolError) else None


def internal_error() -> ProtocolError:
    """What a participant is told of a bug."""
    return ProtocolError("internal", "an error in the server; try again")


def excerpt(text: str, limit: int = 60) -> str:
    """``text`` for a message to people: printable, in quotes, at most ``limit`` characters."""
    shown = text[: limit + 1].encode("unicode_escape").decode("ascii")
    return f'"{shown[:limit]}…"' if len(shown) > limit else f'"{shown}"'
