"""libopus itself, from PyAV's own wheel: what PyAV does not pass on of it, concealment of lost
packets, their in-band copies (FEC), and silence that need not be sent (DTX).

The library's file has a hash in its name, and may be missing where PyAV was built otherwise:
then ``load()`` raises and callers do without. Decoding takes some 30 µs, encoding 150, so both
may be done on the event loop.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm
from server.media.silence import SMALL_BYTES

#: Of one packet: 120 ms (RFC 6716, 2.1.4).
MAX_SAMPLES: Final = RATE_HZ * 12 // 100
#: Of one frame (RFC 6716, 3.2.1), and its header.
MAX_FRAME_BYTES: Final = 1276
#: Per cent for which copies are made, whatever is lost: for less libopus makes none at this bit
#: rate, for more they would take too much from everybody's sound.
_LOSS_PERCENT: Final = 10
#: opus_defines.h: the application, then what opus_encoder_ctl is asked.
_VOIP: Final = 2048
_SET_BITRATE: Final = 4002
_SET_VBR: Final = 4006
_SET_COMPLEXITY: Final = 4010
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS_PERC: Final = 4014
_SET_DTX: Final = 4016
_SET_VBR_CONSTRAINT: Final = 4020
_GET_IN_DTX: Final = 4049
#: In every release since 1.0; of opus_encoder_ctl the arguments that it always has.
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


class SilenceEncoder:
    """As OpusEncoder, but it tells silence from sound: ``silent`` is whether what it encoded
    last need not be sent (see server.media.silence). Raises OSError where libopus has no DTX.

    Silence is 0.2 s in which nobody speaks or plays, 25 dB below the loudest there was. Below
    this complexity libopus would go by its voice detector, and take a held note for silence.
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
            return self._last  # as it was: the encoder need not hear it
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
        """From now on, of packets on their way, 0 to 1. Above 0 a packet may carry a coarse copy
        of the one before (in-band FEC), at the expense of its own sound."""
        percent = _LOSS_PERCENT if share else 0
        if percent != self._expected_loss:
            self._expected_loss = percent
            self._control(_SET_INBAND_FEC, ctypes.c_int(percent > 0))
            self._control(_SET_PACKET_LOSS_PERC, ctypes.c_int(percent))

    def _control(self, request: int, value: Any) -> None:
        if self._library.opus_encoder_ctl(self._encoder, request, value):
            raise OSError(f"this libopus does not know request {request} to its encoder")


def channel_encoder() -> SilenceEncoder | OpusEncoder:
    """For what listeners hear."""
    return OpusEncoder() if dtx_missing() else SilenceEncoder()


@cache
def dtx_missing() -> str:
    """Why silence cannot be told from sound here; nothing where it can."""
    try:
        SilenceEncoder()
    except OSError as error:
        return str(error)
    return ""


def _loudness_of_speech() -> list[Pcm]:
    """Noise as loud as speech is, -20 dBFS, then none: before an encoder has heard anybody, it
    would take any noise for the loudest there is, and send it."""
    noise = np.random.default_rng(0).normal(0, 3277, 2 * SAMPLES_PER_TICK)
    silence = np.zeros(SAMPLES_PER_TICK, np.int16)
    return [*noise.clip(-32768, 32767).astype(np.int16).reshape(2, -1), silence]


_LOUDNESS_OF_SPEECH: Final = _loudness_of_speech()


def _checked(result: int) -> int:
    if result < 0:
        raise OpusError(load().opus_strerror(result).decode())
    return result
