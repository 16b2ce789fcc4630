"""What is logged of requests that cannot be answered: never what is in them.

A header may hold a token, and a body what people say. aiohttp logs the whole traceback of such a
request, which quotes it. Here a malformed request is one line in the log, and a bug of ours is a
traceback without its message.
"""

import logging
import time
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from server.process import described
from signaling.rates import Bucket

#: Lines about malformed requests, and tracebacks: as a burst, and on average. Anybody may cause
#: them.
LINES_AT_ONCE: Final = 20
LINES_PER_S: Final = 1.0


def request_log() -> logging.Logger:
    """The logger to give to aiohttp's server."""
    logger = logging.Logger("server.http.requests")
    logger.parent = logging.getLogger("server.http")
    logger.addFilter(_Plain())
    return logger


class _Plain(logging.Filter):
    """Replaces tracebacks by what may be logged."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = Bucket(LINES_PER_S, LINES_AT_ONCE)
        self._bugs = Bucket(LINES_PER_S, LINES_AT_ONCE)  # which malformed requests do not hide

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        record.exc_info = record.exc_text = None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg += ": it is malformed (%s)"
            record.args = (*_arguments(record), type(error).__name__)
            return self._lines.take(time.monotonic())
        if error is not None:
            record.msg += ": %s"
            record.args = (*_arguments(record), described(error))
            return self._bugs.take(time.monotonic())
        return True


def _arguments(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else ()


@web.middleware
async def well_formed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware: a body that breaks HTTP's rules, or ends too early, is the client's fault. A
    client that is gone before its answer is nobody's."""
    try:
        return await handler(request)
    except ConnectionError:
        if request.transport is not None:
            raise
        return web.Response()  # which aiohttp drops
    except web.RequestPayloadError as error:
        raise web.HTTPBadRequest(text="The body of the request is malformed.\n") from error
