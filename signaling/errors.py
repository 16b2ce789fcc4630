"""What goes wrong by a participant's fault, with a code for machines and words for people."""

from typing import Final

from signaling.messages import Error, ErrorCode

#: WebSocket close code by error code: RFC 6455's own where it has one, else of the range
#: left to applications. One each, so that a client that lost the message still knows.
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
    "limit": 4429,
    "too_large": 1009,
    "internal": 1011,
    "unavailable": 1013,
}


class ProtocolError(Exception):
    """The peer asked for what cannot be had, or not in this way.

    ``message`` is sent to the peer: it says what was wrong and what to do, and repeats no
    long input. ``fatal``: the session ends by it. ``retry_after_s``: when to try again.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        fatal: bool = True,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, message, fatal, retry_after_s)
        self.code: Final = code
        self.message: Final = message
        self.fatal: Final = fatal
        self.retry_after_s: Final = retry_after_s

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def close_code(self) -> int:
        return CLOSE_CODES[self.code]

    def as_message(self) -> Error:
        """As it is sent."""
        return Error(
            code=self.code,
            message=self.message,
            fatal=self.fatal,
            retry_after_s=self.retry_after_s,
        )

    def as_fatal(self, fatal: bool) -> "ProtocolError":
        """The same, but the session ends by it or goes on."""
        return ProtocolError(self.code, self.message, fatal, self.retry_after_s)


def excerpt(text: str, limit: int = 60) -> str:
    """``text`` for a message to people: printable, in quotes, at most ``limit`` characters."""
    shown = text[: limit + 1].encode("unicode_escape").decode("ascii")
    return f'"{shown[:limit]}…"' if len(shown) > limit else f'"{shown}"'
