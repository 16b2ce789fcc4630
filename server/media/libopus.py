"""Bindings to the libopus in PyAV's wheel, for what PyAV does not offer: packet loss concealment,
in-band FEC, and DTX.

The library's file has a hash in its name, and may be missing if PyAV was built in another way: then
``load()`` raises OSError. Decoding a packet takes some 30 µs and encoding
150 µs, so both may be done on the event loop.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm
from server.media.silence import SMALL_BYTES

#: In a packet: 120 ms (RFC 6716, 2.1.4).
MAX_SAMPLES: Final = RATE_HZ * 12 // 100
#: Of a frame (RFC 6716, 3.2.1), and its header.
MAX_FRAME_BYTES: Final = 1276
#: The loss that an encoder is told to expect, whatever it is. For less, libopus adds no FEC at this
#: bit rate; for more, FEC would take too many bits from everybody's audio.
_LOSS_PERCENT: Final = 10
#: From opus_defines.h: the application, and requests to opus_encoder_ctl.
_VOIP: Final = 2048
_SET_BITRATE: Final = 4002
_SET_VBR: Final = 4006
_SET_COMPLEXITY: Final = 4010
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS_PERC: Final = 4014
_SET_DTX: Final = 4016
_SET_VBR_CONSTRAINT: Final = 4020
_GET_IN_DTX: Final = 4049
#: The functions used: result and argument types. opus_encoder_ctl takes one more argument.
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
    "opus_encoder_create": (
        ctypes.c_void_p,
        (ctypes.c_int32, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int)),
    ),
    "opus_encoder_destroy": (None, (ctypes.c_void_p,)),
    "opus_encoder_ctl": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_int)),
    "opus_encode": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int32),
    ),
    "opus_strerror": (ctypes.c_char_p, (ctypes.c_int,)),
}  # fmt: skip


class OpusError(ValueError):
    """The data is not Opus."""


@cache
def load() -> Any:
    """The library. Raises OSError if there is none, or it lacks a function."""
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
    """The number of samples at RATE_HZ in a packet. Raises OpusError."""
    return _checked(load().opus_packet_get_nb_samples(data, len(data), RATE_HZ)) if data else 0


def has_copy(data: bytes) -> bool:
    """Whether a packet contains in-band FEC: a coarse copy of the packet before."""
    return bool(data) and load().opus_packet_has_lbrr(data, len(data)) == 1


class ConcealingDecoder:
    """Decodes one stream to mono int16 at RATE_HZ, and conceals what was lost of it."""

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
        """Decode one packet. Raises OpusError, after which the decoder can still be used."""
        if not data:
            raise OpusError("an empty packet")
        return self._decode(data, MAX_SAMPLES, 0)

    def conceal(self, samples: int) -> Pcm:
        """Concealment of ``samples`` lost samples (a multiple of 2.5 ms, at most 120 ms). It fades
        out within some 100 ms."""
        return self._decode(None, samples, 0)

    def recover(self, following: bytes, samples: int) -> Pcm:
        """The ``samples`` before ``following``, decoded from its FEC. Raises OpusError."""
        return self._decode(following, samples, 1)

    def _decode(self, data: bytes | None, samples: int, copy: int) -> Pcm:
        length = 0 if data is None else len(data)
        made = self._library.opus_decode(
            self._decoder, data, length, self._buffer.ctypes.data, samples, copy
        )
        return self._buffer[: _checked(made)].copy()


class ChannelEncoder:
    """Encodes a channel, with DTX: ``silent`` tells whether the last packet need not be sent (see
    server.media.silence). Raises OSError if there is no libopus, or none with DTX.

    Silence is 0.2 s without speech or music, 25 dB below the loudest audio so far. With a lower
    complexity libopus would use its voice detector instead, and take a held note for silence.
    """

    COMPLEXITY: Final = 7

    def __init__(self, bit_rate: int = 32_000) -> None:
        self._library = load()
        self.silent = False
        self._last = b""
        self._expected_loss = 0
        error = ctypes.c_int()
        self._encoder = self._library.opus_encoder_create(RATE_HZ, 1, _VOIP, ctypes.byref(error))
        _checked(error.value)
        for request, value in (
            (_SET_BITRATE, bit_rate),
            (_SET_VBR, 1),
            (_SET_VBR_CONSTRAINT, 0),
            (_SET_COMPLEXITY, self.COMPLEXITY),
            (_SET_DTX, 1),
        ):
            self._control(request, ctypes.c_int(value))
        self._packet = ctypes.create_string_buffer(MAX_FRAME_BYTES)
        for pcm in _LOUDNESS_OF_SPEECH:
            self.encode(pcm)

    def __del__(self) -> None:
        if getattr(self, "_encoder", None):
            self._library.opus_encoder_destroy(self._encoder)

    def encode(self, pcm: Pcm) -> bytes:
        """The Opus packet for exactly SAMPLES_PER_TICK samples. ValueError on any other length."""
        if pcm.shape != (SAMPLES_PER_TICK,):
            raise ValueError(f"one packet takes {SAMPLES_PER_TICK} samples, not {pcm.shape}")
        if self.silent and len(self._last) <= SMALL_BYTES and not pcm.any():
            return self._last  # digital silence: the encoder is not needed
        pcm = np.ascontiguousarray(pcm)
        size = _checked(
            self._library.opus_encode(
                self._encoder, pcm.ctypes.data, pcm.size, self._packet, MAX_FRAME_BYTES
            )
        )
        silent = ctypes.c_int()
        self._control(_GET_IN_DTX, ctypes.byref(silent))
        self.silent = bool(silent.value)
        self._last = self._packet.raw[:size]
        return self._last

    def expect_loss(self, share: float) -> None:
        """Tell the encoder the share of packets that is lost, 0 to 1. Above 0 packets may contain
        in-band FEC, at the expense of their own audio."""
        percent = _LOSS_PERCENT if share else 0
        if percent != self._expected_loss:
            self._expected_loss = percent
            self._control(_SET_INBAND_FEC, ctypes.c_int(percent > 0))
            self._control(_SET_PACKET_LOSS_PERC, ctypes.c_int(percent))

    def _control(self, request: int, value: Any) -> None:
        if self._library.opus_encoder_ctl(self._encoder, request, value):
            raise OSError(f"this libopus does not know request {request} to its encoder")


def _loudness_of_speech() -> list[Pcm]:
    """Noise as loud as speech (-20 dBFS), then silence. A new encoder would otherwise take any
    background noise for the loudest audio so far, and send it."""
    noise = np.random.default_rng(0).normal(0, 3277, 2 * SAMPLES_PER_TICK)
    silence = np.zeros(SAMPLES_PER_TICK, np.int16)
    return [*noise.clip(-32768, 32767).astype(np.int16).reshape(2, -1), silence]


_LOUDNESS_OF_SPEECH: Final = _loudness_of_speech()


def _checked(result: int) -> int:
    if result < 0:
        raise OpusError(load().opus_strerror(result).decode())
    return result
