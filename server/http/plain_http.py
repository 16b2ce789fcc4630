"""Answers plain HTTP on the HTTPS port: people leave "https://" out, and would get an empty page.

The answer leads to the same address with HTTPS, if that is one of this server's; nothing else of
the request is used. OpenSSL notices that what comes is HTTP. The answer then takes the way of the
handshake's bytes.
"""

import re
import ssl
from collections.abc import Callable
from typing import Any, Final

#: The largest beginning of a request that is read.
MAX_BYTES: Final = 8192
#: OpenSSL's reason for what begins like "GET ".
_IS_HTTP: Final = "HTTP_REQUEST"
_TARGET: Final = re.compile(rb"[A-Z]{3,7} (/[!-~]*) HTTP/1\.[01]\r?\n")
_HOST: Final = re.compile(rb"\r?\nhost:[ \t]*([!-~]+)[ \t]*\r?\n", re.IGNORECASE)
_END: Final = (b"\r\n\r\n", b"\n\n")
_REFUSAL: Final = b"Use an address that begins with https://\n"


class PoliteContext(ssl.SSLContext):
    """A server's TLS context. ``is_ours``: whether a Host header names this server."""

    is_ours: Callable[[str], bool] = staticmethod(lambda host: False)

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **named: Any
    ) -> ssl.SSLObject:
        """See ssl.SSLContext.wrap_bio, which servers of asyncio call for each connection."""
        made = super().wrap_bio(incoming, outgoing, *args, **named)
        assert isinstance(made, _Connection)
        made.ways, made.is_ours = (incoming, outgoing), self.is_ours
        return made


class _Connection(ssl.SSLObject):
    """One connection. Only its handshake is different."""

    ways: tuple[ssl.MemoryBIO, ssl.MemoryBIO]
    is_ours: Callable[[str], bool]
    _began = b""
    _fault: ssl.SSLError | None = None
    _answered = False

    def do_handshake(self) -> None:
        """See ssl.SSLObject.do_handshake. Raises ssl.SSLError once plain HTTP was answered."""
        incoming, outgoing = self.ways
        data = incoming.read()
        if len(self._began) < MAX_BYTES:
            self._began += data
        if self._fault is None:
            incoming.write(data)
            try:
                super().do_handshake()
                return
            except ssl.SSLError as error:
                if error.reason != _IS_HTTP:
                    raise
                self._fault = error
                outgoing.read()  # the alert
        if self._answered:
            raise self._fault
        if any(end in self._began for end in _END) or len(self._began) >= MAX_BYTES:
            outgoing.write(answer(self._began, self.is_ours))
            self._answered = True
        raise ssl.SSLWantReadError  # what was written is sent now


def answer(request: bytes, is_ours: Callable[[str], bool]) -> bytes:
    """The answer to the beginning of a request: a redirect, or what to do instead."""
    target, host = _TARGET.match(request), _HOST.search(request)
    status, body, more = b"400 Bad Request", _REFUSAL, b""
    if target and host and is_ours(host[1].decode("ascii")):
        status, body = b"307 Temporary Redirect", b""
        more = b"Location: https://" + host[1] + target[1] + b"\r\n"
    return (
        b"HTTP/1.1 %s\r\n%sContent-Type: text/plain\r\nContent-Length: %d\r\n"
        b"Connection: close\r\n\r\n%s" % (status, more, len(body), body)
    )


PoliteContext.sslobject_class = _Connection
