"""Builds the media plane from the settings."""

import contextlib
import dataclasses
import socket
from collections.abc import Iterator, Sequence

from server.config import Config, ConfigError
from server.http import netinfo
from server.media import batch, libopus
from server.media.fanout import FanOut
from server.media.peer import host_addresses
from server.media.plane import MediaPlane
from server.media.port import MediaPort
from server.media.transport import check_internals
from server.metrics import Metrics


def check_media() -> None:
    """Raise RuntimeError if media cannot work on this machine."""
    check_internals()
    if reason := batch.problem():
        raise RuntimeError(f"listeners cannot be sent to: {reason}")
    try:
        libopus.ChannelEncoder()
    except OSError as error:
        raise RuntimeError(f"audio cannot be encoded or decoded: {error}") from error


@contextlib.contextmanager
def media_plane(
    config: Config,
    hosts: Sequence[str],
    metrics: Metrics,
    handed: Sequence[socket.socket] = (),
) -> Iterator[MediaPlane]:
    """What the participants' connections share. ``hosts``: see ``offered_addresses``. ``handed``:
    see MediaPort. Raises OSError if the UDP port is in use."""
    plane = MediaPlane(
        hosts=hosts,
        fan_out=FanOut(metrics.fan_out_counts),
        dropped=metrics.hostile_counts,
        jitter=metrics.uplink_counts,
        socket_audio=metrics.socket_counts,
    )
    if config.media_port == 0:
        yield plane
        return
    number = config.port if config.media_port == -1 else config.media_port
    with MediaPort(hosts, number, metrics.hostile_counts, handed) as port:
        yield dataclasses.replace(plane, port=port)


def offered_addresses(config: Config) -> list[str]:
    """The addresses to which participants send their audio. Raises ConfigError."""
    if not config.ice_addresses:
        return host_addresses(config.host)
    offered = netinfo.parse_addresses(config.ice_addresses)
    if config.media_port == 0:
        own = {*netinfo.lan_addresses(), "127.0.0.1", "::1"}
        if foreign := [address for address in offered if address not in own]:
            raise ConfigError(
                f"--ice-addresses: {', '.join(foreign)} does not belong to this machine, so audio "
                "must be forwarded from there, to one port: set --media-port to a number other "
                "than 0"
            )
    return offered
