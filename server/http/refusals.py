"""How requests over plain HTTP are refused."""

import math
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from signaling.errors import ProtocolError
from signaling.messages import ErrorCode

STATUSES: Final[dict[ErrorCode, HTTPStatus]] = {
    "bad_message": HTTPStatus.BAD_REQUEST,
    "out_of_order": HTTPStatus.BAD_REQUEST,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "bad_sdp": HTTPStatus.UNPROCESSABLE_ENTITY,
    "bad_stream": HTTPStatus.NOT_FOUND,
    "unknown_language": HTTPStatus.NOT_FOUND,
    "unknown_channel": HTTPStatus.NOT_FOUND,
    "unauthorised": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "speaker_present": HTTPStatus.CONFLICT,
    "limit": HTTPStatus.TOO_MANY_REQUESTS,
    "replaced": HTTPStatus.CONFLICT,
    "taken_over": HTTPStatus.CONFLICT,
    "ended": HTTPStatus.CONFLICT,
    "timeout": HTTPStatus.REQUEST_TIMEOUT,
    "elsewhere": HTTPStatus.MISDIRECTED_REQUEST,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Refusal(web.HTTPError):
    """The response to a request that is refused, as JSON: ``{"code", "message"}``."""

    def __init__(self, error: ProtocolError) -> None:
        self.status_code = STATUSES[error.code]
        text = msgspec.json.encode({"code": error.code, "message": error.message}).decode()
        super().__init__(text=text, content_type="application/json")
        if error.code == "unauthorised":
            self.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        if error.retry_after_s is not None:
            self.headers[hdrs.RETRY_AFTER] = str(math.ceil(error.retry_after_s))
