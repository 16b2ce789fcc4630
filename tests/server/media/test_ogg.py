"""A channel's packets as Ogg: what FFmpeg reads of it."""

import io
import struct

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext

from server.media.ogg import MOST_FILLED, OggOpus
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm, joined, mono
from tests.helpers.running import power, tone

FIRST = 5_000_000 * SAMPLES_PER_TICK
TICKS = 40
LOOKAHEAD = 312


def ogg(left_out: range = range(0)) -> bytes:
    """A tone of TICKS packets, of which some are left out."""
    encoder, stream, pages = OpusEncoder(), OggOpus(), b""
    for tick, pcm in enumerate(tone(440, 1, 0).reshape(-1, SAMPLES_PER_TICK)[:TICKS]):
        packet = encoder.encode(pcm)
        if tick not in left_out:
            pages += stream.push(FIRST + tick * SAMPLES_PER_TICK, packet)
    return pages + stream.close()


def granules(pages: bytes) -> list[int]:
    """Where each page with sound ends, in samples (RFC 3533, 6)."""
    found, at = [], 0
    while at < len(pages):
        granule, lengths = struct.unpack_from("<q", pages, at + 6)[0], pages[at + 26]
        found.append(granule)
        at += 27 + lengths + sum(pages[at + 27 : at + 27 + lengths])
    return found[2:]


def decoded(pages: bytes, decoder: str) -> Pcm:
    """The sound, by one of FFmpeg's two decoders."""
    with av.open(io.BytesIO(pages), "r") as container:
        stream = container.streams.audio[0]
        codec = av.CodecContext.create(decoder, "r")
        assert isinstance(codec, AudioCodecContext)
        codec.extradata, codec.sample_rate, codec.layout = (
            *(stream.codec_context.extradata, RATE_HZ, "mono"),
        )
        frames = [frame for packet in container.demux(stream) for frame in codec.decode(packet)]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    parts = [mono(part) for each in frames for part in resampler.resample(each)]
    return joined(parts)


@pytest.mark.parametrize("decoder", ["opus", "libopus"])
def test_ffmpeg_plays_it(decoder: str) -> None:
    pcm = decoded(ogg(), decoder)
    assert len(pcm) == TICKS * SAMPLES_PER_TICK - LOOKAHEAD
    assert power(pcm, 440) > 0.9


def test_its_time_begins_at_0_and_goes_on_with_each_packet() -> None:
    assert granules(ogg()) == [SAMPLES_PER_TICK * (tick + 1) for tick in range(TICKS)]


def test_its_header_is_all_that_ffmpeg_looks_at_before_it_plays() -> None:
    """It waits for 2,048 bytes: more than a second of silence."""
    assert len(OggOpus().push(FIRST, b"\x78one")) >= 2048


def test_each_packet_comes_out_with_the_next() -> None:
    stream = OggOpus()
    header = stream.push(FIRST, b"\x78one")
    assert b"OpusHead" in header and b"one" not in header
    assert stream.push(FIRST + SAMPLES_PER_TICK, b"\x78two").endswith(b"one")


@pytest.mark.parametrize("decoder", ["opus", "libopus"])
def test_missing_packets_keep_their_time(decoder: str) -> None:
    pages = ogg(left_out=range(10, 20))
    assert granules(pages) == granules(ogg())
    pcm = decoded(pages, decoder)
    assert len(pcm) == TICKS * SAMPLES_PER_TICK - LOOKAHEAD
    assert power(pcm[21 * SAMPLES_PER_TICK :], 440) > 0.9


@pytest.mark.parametrize("decoder", ["opus", "libopus"])
def test_a_file_has_its_time_from_the_beginning_on_however_late_it_begins(decoder: str) -> None:
    encoder, stream = OpusEncoder(), OggOpus(FIRST, 1.0, fill_all=True)
    pages, late = b"", 500
    for tick, pcm in enumerate(tone(440, 1, 0).reshape(-1, SAMPLES_PER_TICK)[:TICKS]):
        pages += stream.push(FIRST + (late + tick) * SAMPLES_PER_TICK, encoder.encode(pcm))
    pages += stream.close()
    pcm = decoded(pages, decoder)
    assert len(pcm) == (late + TICKS) * SAMPLES_PER_TICK - LOOKAHEAD
    assert np.abs(pcm[: (late - 1) * SAMPLES_PER_TICK]).max() < 100
    assert power(pcm[late * SAMPLES_PER_TICK :], 440) > 0.9
    assert len(granules(pages)) <= 12


def test_a_long_gap_is_not_filled_for_ever() -> None:
    stream = OggOpus()
    stream.push(FIRST, b"\x78one")
    pages = stream.push(FIRST + 500 * SAMPLES_PER_TICK, b"\x78two") + stream.close()
    assert stream.filled == MOST_FILLED
    assert granules(pages)[-1] == 501 * SAMPLES_PER_TICK
