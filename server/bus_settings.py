"""The settings that join several machines."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

#: What a process does for the whole. "edge": pages, signaling and sound for listeners.
Role = Literal["hub", "edge", "interpreter"]


def about(text: str, **limits: float) -> Meta:
    """The description of a setting, and its limits, as in msgspec.Meta."""
    meta: Meta = Meta(description=text, **limits)  # type: ignore[call-overload]
    return meta


class BusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Part of Config, which see."""

    bus: Annotated[
        str,
        about(
            "NATS servers that join several machines: nats://USER:PASSWORD@HOST:4222, or tls://…; "
            "several with commas"
        ),
    ] = ""
    bus_credentials: Annotated[
        str, about("file with USER:PASSWORD for --bus, or a .creds file of NATS")
    ] = ""
    spread: Annotated[
        Literal["never", "auto"],
        about(
            "with --bus: 'auto' leads who opens a listener's address to an edge that has room, at "
            "its --public-url"
        ),
    ] = "never"
    roles: Annotated[
        list[Role],
        about("with --bus: hub,edge leaves interpreting to other machines (default: all)"),
    ] = []
