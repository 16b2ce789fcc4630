"""The options of ``tolk input``."""

import argparse
import shlex
from typing import Final, NoReturn

from server.client import options as client
from server.config import Config, ConfigError
from server.inputs.address import Address, AddressError, address
from server.inputs.pieces import Request

#: The option with which the command ends when its standard input is closed.
WITH_PARENT: Final = "--with-parent"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    parser.add_argument("source", help="URL, SDP file, sound file, or ALSA device (alsa:hw:1,0)")
    parser.add_argument("--stream", required=True, help="the stream to speak in")
    parser.add_argument(
        "--from", dest="language", required=True, help="language spoken in it, or 'auto'"
    )
    parser.add_argument("--track", type=int, default=0, metavar="N", help="audio track, from 1")
    parser.add_argument(
        "--channels",
        default="mix",
        metavar="left|right|mix|N",
        help="the channel to take, from 1, or all mixed (mix)",
    )
    parser.add_argument("--gain", type=float, default=0.0, metavar="DB", help="louder by so much")
    parser.add_argument("--listen", action="store_true", help="wait for the source to connect")
    parser.add_argument("--take-over", action="store_true", help="replace the present speaker")
    parser.add_argument(
        "--audio",
        choices=["webrtc", "socket-opus", "socket"],
        help="the way to the server (webrtc; if that does not get through, socket-opus)",
    )


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the server is."""
    client.add_options(parser, "speaking")
    parser.add_argument(WITH_PARENT, action="store_true", help=argparse.SUPPRESS)


def request(options: argparse.Namespace) -> Request:
    """What is to be read. Raises AddressError."""
    names = {"mix": 0, "left": 1, "right": 2}
    channel = names.get(options.channels)
    if channel is None:
        if not options.channels.isdecimal() or not int(options.channels):
            raise AddressError("--channels: it is left, right, mix, or a number from 1")
        channel = int(options.channels)
    if options.track < 0:
        raise AddressError("--track: tracks are counted from 1")
    source: Address = address(options.source, options.listen)
    return Request(source, options.track, channel, options.gain)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise AddressError(message)


def words(text: str) -> argparse.Namespace:
    """The options of an entry of ``--input``, which are those of the command; ``given``: the words
    themselves. Raises AddressError."""
    parser = _Parser(prog="--input", add_help=False, allow_abbrev=False)
    add_options(parser)
    try:
        given = shlex.split(text)
    except ValueError as error:
        raise AddressError(str(error)) from error
    options = parser.parse_args(given)
    options.given = given
    return options


def check(config: Config) -> None:
    """Check all entries of ``--input``. Raises ConfigError."""
    for text in config.input:
        try:
            request(words(text))
        except AddressError as error:
            raise ConfigError(f"--input {text!r}: {error}") from error
