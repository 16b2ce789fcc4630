"""The messages with which one speaker hands over to another; see ``messages``."""

import msgspec

from signaling.base import Message


class Ask(Message, frozen=True, tag="ask"):
    """From the wings: the participant asks to speak. Where nobody speaks, it speaks at once."""


class HandOver(Message, frozen=True, tag="hand_over"):
    """The speaker lets the one with the number ``to`` speak, or with ``granted`` False does not."""

    to: int
    granted: bool = True


class Panel(Message, frozen=True, tag="panel"):
    """The speaker switches the stream to a panel, or back: from then on those in the wings take
    over by speaking."""

    on: bool


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody who asks to speak ``language``. ``name``: what their token calls them."""

    number: int
    language: str
    name: str = ""


class Asking(Message, frozen=True, tag="asking"):
    """To the speaker: who asks to speak, the first to ask first."""

    who: list[Waiting] = []


class Turn(Message, frozen=True, tag="turn"):
    """To a speaker: whether it speaks from now on, or is in the wings. ``declined``: it asked, and
    is not to speak now."""

    speaking: bool = False
    declined: bool = False
