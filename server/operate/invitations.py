"""Addresses to give away, with tokens and codes: to speakers, and to listeners and interpreters in
each language."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web

from server.http.access import Access
from server.http.codes import Codes
from server.operate.patch import Json
from signaling.messages import Language, StreamId

#: The longest time for which a token is made: a year.
MOST_HOURS: Final = 366 * 24


class Asked(msgspec.Struct, frozen=True):
    """For whom: ``languages`` are those that may be spoken, heard or interpreted into; []: all."""

    stream: StreamId
    role: Literal["speak", "listen", "interpret"]
    languages: Annotated[list[Language], msgspec.Meta(max_length=100)] = []
    hours: Annotated[float, msgspec.Meta(gt=0, le=MOST_HOURS)] = 24


class Invitations:
    """Makes them."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._codes = Codes()

    async def close(self, app: web.Application) -> None:
        """Draw no more."""
        await self._codes.close(app)

    async def make(self, asked: Asked, url: str, targets: Sequence[str]) -> Json:
        """``until``: when the token expires; "" if none is needed. ``codes``: one for a speaker, or
        for whoever listens in their own language (``language`` ""), and one for each language."""
        token = self._token(asked)
        base = f"{url}/{asked.role}/{asked.stream}"
        languages = [] if asked.role == "speak" else asked.languages or targets
        everybody = [] if asked.role == "interpret" else [""]
        codes = []
        for language in (*everybody, *languages):
            address = base
            if language:
                address += f"/{language}" if asked.role == "interpret" else f"?language={language}"
            address += f"#token={token}" if token else ""
            drawn = await self._codes.drawn(address, secret=bool(token))
            codes.append({"language": language, "address": address, "svg": drawn})
        until = datetime.now(UTC) + timedelta(hours=asked.hours)
        return {"until": until.isoformat(timespec="minutes") if token else "", "codes": codes}

    def _token(self, asked: Asked) -> str:
        speaks, listens = asked.role == "speak", asked.role == "listen"
        if listens and self._access.everybody_may_listen and not asked.languages:
            return ""
        return self._access.issue(
            subject="invited",
            stream=asked.stream,
            speak=speaks,
            listen=True,
            interpret=asked.role == "interpret",
            take_over=speaks,
            languages=asked.languages or None,
            valid_s=asked.hours * 3600,
        )
