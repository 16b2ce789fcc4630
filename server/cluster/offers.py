"""What a machine offers that interprets: said to all machines once a second."""

from typing import Final

import msgspec

from server.decoding import understood

OFFER_S: Final = 1.0


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """``cores``: those that it may use. ``leaving``: it will end soon and takes no streams.
    ``draining``: its streams are to go to others."""

    cores: float
    leaving: bool = False
    draining: bool = False


_decoder = msgspec.msgpack.Decoder(Offer)


def encode(offer: Offer) -> bytes:
    """The offer as MessagePack."""
    return msgspec.msgpack.encode(offer)


def decode(data: bytes) -> Offer:
    """Decode an offer. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_decoder, data)
