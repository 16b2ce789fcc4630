"""What all messages have in common."""

import msgspec


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all messages: immutable; fields with their default value are not sent."""
