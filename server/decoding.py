"""Decodes what others wrote: one kind of error for all that makes no sense."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


def understood(decoder: msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T], data: bytes) -> T:
    """What ``data`` says. Raises msgspec.DecodeError if that makes no sense, also where msgspec
    raises other errors: if a text is not UTF-8, or it is nested too deeply."""
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
