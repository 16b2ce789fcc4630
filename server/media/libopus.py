"""libopus itself, from PyAV's own wheel: what PyAV does not pass on of it, concealment of lost
packets and their in-band copies (FEC).

The library's file has a hash in its name, and may be missing where PyAV was built otherwise:
then ``load()`` raises and callers do without. Calls take some 30 µs, so they may be made on
the event loop.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from server.media.opus import RATE_HZ, Pcm

#: Of one packet: 120 ms (RFC 6716, 2.1.4).
MAX_SAMPLES: Final = RATE_HZ * 12 // 100
#: In every release since 1.0.
_FUNCTIONS: Final = {
    "opus_decoder_create": (
        ctypes.c_void_p,
        (ctypes.c_int32, ctypes.c_int, ctypes.POINTER(ctypes.c_int)),
    ),
    "opus_decoder_destroy": (None, (ctypes.c_void_p,)),
    "opus_decode": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int,
         ctypes.c_int),
    ),
    "opus_packet_get_nb_samples": (
        ctypes.c_int,
        (ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32),
    ),
    "opus_packet_has_lbrr": (ctypes.c_int, (ctypes.c_char_p, ctypes.c_int32)),
    "opus_strerror": (ctypes.c_char_p, (ctypes.c_int,)),
}  # fmt: skip


class OpusError(ValueError):
    """What came is not Opus."""


@cache
def load() -> Any:
    """The library. Raises OSError where there is none, or one that lacks a function."""
    folder = Path(av.__file__).parent.parent / "av.libs"
    found = sorted(folder.glob("libopus*.so*"))
    if not found:
        raise OSError(f"PyAV's wheel carries no libopus in {folder}")
    library = ctypes.CDLL(str(found[0]))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            raise OSError(f"{found[0].name} has no {name}")
        function.restype, function.argtypes = result, arguments
    return library


def packet_samples(data: bytes) -> int:
    """How many samples at RATE_HZ a packet holds. Raises OpusError."""
    return _checked(load().opus_packet_get_nb_samples(data, len(data), RATE_HZ)) if data else 0


def has_copy(data: bytes) -> bool:
    """Whether a packet carries a coarse copy of the one before it."""
    return bool(data) and load().opus_packet_has_lbrr(data, len(data)) == 1


class ConcealingDecoder:
    """Decodes one stream to mono int16 at RATE_HZ, and makes up what was lost of it."""

    def __init__(self) -> None:
        self._library = load()
        error = ctypes.c_int()
        self._decoder = self._library.opus_decoder_create(RATE_HZ, 1, ctypes.byref(error))
        _checked(error.value)
        self._buffer = np.zeros(MAX_SAMPLES, np.int16)

    def __del__(self) -> None:
        if getattr(self, "_decoder", None):
            self._library.opus_decoder_destroy(self._decoder)

    def decode(self, data: bytes) -> Pcm:
        """One packet. Raises OpusError; what came before is not harmed by it."""
        if not data:
            raise OpusError("an empty packet")
        return self._decode(data, MAX_SAMPLES, 0)

    def conceal(self, samples: int) -> Pcm:
        """What may have been said in ``samples`` (a multiple of 2.5 ms, at most 120 ms) of which
        nothing came; it fades within some 100 ms."""
        return self._decode(None, samples, 0)

    def recover(self, following: bytes, samples: int) -> Pcm:
        """The ``samples`` before ``following``, from the copy in it. Raises OpusError."""
        return self._decode(following, samples, 1)

    def _decode(self, data: bytes | None, samples: int, copy: int) -> Pcm:
        length = 0 if data is None else len(data)
        made = self._library.opus_decode(
            self._decoder, data, length, self._buffer.ctypes.data, samples, copy
        )
        return self._buffer[: _checked(made)].copy()


def _checked(result: int) -> int:
    if result < 0:
        raise OpusError(load().opus_strerror(result).decode())
    return result
