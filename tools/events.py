"""Reads server-sent events as the standard says (WHATWG HTML, 9.2)."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Event:
    """One event. ``data``: its JSON."""

    name: str = ""
    id: str = ""
    data: Any = None
    comments: list[str] = field(default_factory=list)


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """The events of an answer, until it ends. Comments are given as events without a name."""
    event = Event()
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                event.name = value
            case "id":
                event.id = value
            case "data":
                event.data = json.loads(value)
            case "" if line == b"\n":
                yield event
                event = Event()
            case "":
                event.comments.append(value)


async def first(response: aiohttp.ClientResponse, name: str) -> Event:
    """The next event of this name."""
    async for event in events(response):
        if event.name == name:
            return event
    raise EOFError(f"no {name} came")
