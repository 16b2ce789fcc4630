"""What is sent by NATS: a header and, in some frames, a message.

- ``VERSION`` rises whenever an older release would misunderstand what a newer one sends: this
  header, or a message of ``messages``. Frames of another version are dropped.
- A session is a random number that an end of a link chooses when it begins. A message is for the
  session that it names and for no other, so it never reaches a successor.
- Messages of a session are numbered without gaps, so the receiver counts what was lost on the way.
  So are the packets of each channel of sound, which are for everybody who hears it: see ``sound``.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from server.bus.messages import MAX_MESSAGE_BYTES

VERSION: Final = 2
_HEADER: Final = struct.Struct(">BBQQQ")
MAX_FRAME_BYTES: Final = _HEADER.size + MAX_MESSAGE_BYTES


class Kind(IntEnum):
    """What a frame is for. HELLO: begins or keeps a link. WELCOME: its answer. MESSAGE: has a
    message. BYE: this end is gone. The others are of no link: OFFER says what a machine offers,
    SOUND has a packet of a channel."""

    HELLO = 1
    WELCOME = 2
    MESSAGE = 3
    BYE = 4
    OFFER = 5
    SOUND = 6


class Frame(NamedTuple):
    """``sender``, ``receiver``: sessions; 0 if there is none. ``number``: of the message in its
    session, from 1."""

    kind: Kind
    sender: int = 0
    receiver: int = 0
    number: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        """The frame as bytes."""
        return (
            _HEADER.pack(VERSION, self.kind, self.sender, self.receiver, self.number) + self.payload
        )


class OtherVersion(Exception):
    """The frame is of another version: ``args[0]``."""


def decode(data: bytes) -> Frame:
    """The frame in ``data``. Raises OtherVersion, or ValueError if it is not one."""
    if data and data[0] != VERSION:
        raise OtherVersion(data[0])
    if not _HEADER.size <= len(data) <= MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(data)} bytes")
    _, kind, sender, receiver, number = _HEADER.unpack_from(data)
    return Frame(Kind(kind), sender, receiver, number, data[_HEADER.size :])
