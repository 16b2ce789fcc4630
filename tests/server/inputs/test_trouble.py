"""Sources that stop, change, lie or have nothing to hear."""

import os
import signal
import socket
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from server.client.conversation import alongside
from server.inputs import reading
from server.inputs.address import address
from server.inputs.pieces import Request
from server.inputs.reading import Limits
from server.media.opus import RATE_HZ
from tests.helpers.inputs import Heard, frequency, heard, whole
from tools import senders
from tools.senders import sdp

QUICK = Limits(stall_s=1.0, first_pause_s=0.1, longest_pause_s=0.2)


def recording(
    path: Path,
    sound: NDArray[np.float32],
    codec: str = "libmp3lame",
    *,
    rate_hz: int = RATE_HZ,
    tracks: int = 1,
) -> Path:
    """Write ``sound``, stereo, to a file; the further ``tracks`` of it are silent."""
    with av.open(str(path), "w") as container:
        streams = [
            container.add_stream(codec, rate=rate_hz, layout="stereo") for _ in range(tracks)
        ]
        for number, stream in enumerate(streams):
            assert isinstance(stream, AudioStream)
            part = np.ascontiguousarray(sound if number == tracks - 1 else 0 * sound)
            frame = av.AudioFrame.from_ndarray(part, "fltp", "stereo")
            frame.sample_rate = rate_hz
            resampler = av.AudioResampler(stream.format, "stereo", rate_hz, 1152)
            for made in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(made))
            container.mux(stream.encode(None))
    return path


def film(path: Path) -> Path:
    """Write a second of pictures without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(25):
            frame = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), "yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


async def test_a_source_that_stops_and_comes_back_otherwise_is_heard_again() -> None:
    url = f"udp://127.0.0.1:{senders.free_rtp_port()}"
    to = f"{url}?pkt_size=1316"
    source = Heard(Request(address(url)), QUICK)
    async with alongside(source.run(), "input"):
        with senders.sending(senders.Sender(to, "mpegts", "aac", senders.stereo(440, 440))):
            await source.sound(0.5)
        await source.until(lambda: any("no sound came" in each for each in source.said))
        with senders.sending(
            senders.Sender(to, "mpegts", "mp2", senders.stereo(880, 880, 3, 32_000), rate_hz=32_000)
        ):
            await source.until(lambda: source.reading.opened >= 2)
            await source.sound(1.5)
    assert frequency(source.pcm) == pytest.approx(880, abs=3)
    kind = source.reading.kind
    assert kind is not None and kind.rate_hz == 32_000


async def test_a_reader_that_crashes_is_followed_by_another() -> None:
    with senders.serving_tcp(
        lambda out: senders.Sender(out, "mpegts", "mp2", senders.stereo(440, 440))
    ) as url:
        source = Heard(Request(address(url)), QUICK)
        async with alongside(source.run(), "input"):
            await source.sound(0.2)
            assert source.reading.pid is not None
            os.kill(source.reading.pid, signal.SIGSEGV)
            await source.until(lambda: source.reading.opened == 2)
    assert any("ended with -11" in each for each in source.said)


async def test_where_no_reader_can_be_started_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failed(source: Heard) -> int:
        return sum("cannot be started" in each for each in source.said)

    with senders.serving_tcp(
        lambda out: senders.Sender(out, "mpegts", "mp2", senders.stereo(440, 440))
    ) as url:
        source = Heard(Request(address(url)), QUICK)
        monkeypatch.setattr(reading, "COMMAND", ("/nothing/there",))
        async with alongside(source.run(), "input"):
            await source.until(lambda: failed(source) >= 2)
            monkeypatch.undo()
            await source.sound(0.2)


async def test_a_client_that_connects_and_sends_nothing_does_not_keep_the_source_out() -> None:
    port = senders.free_port()
    limits = Limits(listening_s=3.0, first_pause_s=0.1)
    source = Heard(Request(address(f"tcp://127.0.0.1:{port}", listen=True)), limits)
    with socket.socket() as mute:
        async with alongside(source.run(), "input"):
            await source.until(lambda: mute.connect_ex(("127.0.0.1", port)) == 0)
            sender = senders.Sender(
                *(f"tcp://127.0.0.1:{port}", "mpegts", "aac", senders.stereo(440, 440)),
                persistent=True,
            )
            with senders.sending(sender):
                await source.sound(0.2)


async def test_sides_that_cancel_each_other_are_told_and_one_is_taken() -> None:
    url = f"udp://127.0.0.1:{senders.free_rtp_port()}"
    with senders.sending(
        senders.Sender(f"{url}?pkt_size=1316", "mpegts", "mp2", senders.stereo(440, -440))
    ):
        source = await heard(url, 1.0)
    assert any("cancel each other" in each for each in source.said)
    assert frequency(source.pcm) == pytest.approx(440, abs=3)


async def test_pictures_without_sound_are_told_again_and_again(tmp_path: Path) -> None:
    film(tmp_path / "film.ts")
    with senders.folder(tmp_path) as url:
        source = Heard(Request(address(f"{url}/film.ts")), QUICK)
        async with alongside(source.run(), "input"):
            await source.until(lambda: len(source.said) == 2)
    assert all("there is no sound in it, only video" in each for each in source.said)


async def test_what_is_no_sound_is_told(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>Not found</html>" * 1000)
    with senders.folder(tmp_path) as url:
        source = Heard(Request(address(f"{url}/page")), QUICK)
        async with alongside(source.run(), "input"):
            await source.until(lambda: bool(source.said))
    assert "Invalid data" in source.said[0]


async def test_pauses_between_attempts_double_up_to_a_limit() -> None:
    limits = Limits(first_pause_s=0.01, longest_pause_s=0.03)
    source = Heard(Request(address(f"tcp://127.0.0.1:{senders.free_port()}")), limits)
    async with alongside(source.run(), "input"):
        await source.until(lambda: len(source.said) == 4)
    assert [each.split(" in ")[-1] for each in source.said] == [
        "0.01 s",
        "0.02 s",
        "0.03 s",
        "0.03 s",
    ]
    assert "Connection refused" in source.said[0]


async def test_what_can_be_read_faster_is_played_in_real_time(tmp_path: Path) -> None:
    recording(tmp_path / "film.ts", senders.stereo(440, 440, 60), "mp2")
    with senders.folder(tmp_path) as url:
        source = Heard(Request(address(f"{url}/film.ts")))
        async with alongside(source.run(), "input"):
            await source.sound(2)
            await source.until(lambda: source.buffer.level_s > 9.9)
            assert source.buffer.level_s < 10.5
            assert source.buffer.counts.left_out == 0


async def test_a_recording_whose_rate_changes_is_heard_to_its_end(tmp_path: Path) -> None:
    first = recording(tmp_path / "1.mp3", senders.stereo(440, 440, 1))
    second = recording(tmp_path / "2.mp3", senders.stereo(880, 880, 2, 24_000), rate_hz=24_000)
    both = tmp_path / "both.mp3"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    source = await whole(both)
    assert source.sound_s == pytest.approx(3, abs=0.2)
    assert frequency(source.pcm[: -RATE_HZ // 2]) == pytest.approx(880, abs=3)


async def test_a_recording_with_damage_is_heard_to_its_end(tmp_path: Path) -> None:
    path = recording(tmp_path / "damaged.mp3", senders.stereo(440, 440, 3))
    data = bytearray(path.read_bytes())
    data[20_000:22_000] = np.random.default_rng(1).bytes(2_000)
    path.write_bytes(data)
    assert (await whole(path)).sound_s > 2.6


async def test_a_loop_whose_clock_begins_again_is_heard_as_one(tmp_path: Path) -> None:
    once = recording(tmp_path / "once.ts", senders.stereo(440, 440, 2), "mp2")
    loop = tmp_path / "loop.ts"
    loop.write_bytes(once.read_bytes() * 3)
    source = await whole(loop)
    assert source.sound_s == pytest.approx(6, abs=0.3)
    assert source.reading.leaps == 2
    loud = np.flatnonzero(source.pcm)
    assert (loud[-1] - loud[0]) / RATE_HZ == pytest.approx(6, abs=0.3)


async def test_the_wanted_track_is_heard(tmp_path: Path) -> None:
    path = recording(tmp_path / "tracks.mka", senders.stereo(440, 440, 1), tracks=2)
    assert (await whole(path)).sound_s == 0
    assert frequency((await whole(path, track=2)).pcm) == pytest.approx(440, abs=3)


async def test_a_track_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = recording(tmp_path / "track.mka", senders.stereo(440, 440, 1))
    source = Heard(Request(address(str(path)), track=2), QUICK)
    assert "there is no audio track 2; it has 1" in await source.reading.run()


async def test_the_wanted_side_is_heard_louder(tmp_path: Path) -> None:
    path = recording(tmp_path / "sides.wav", senders.stereo(440, 880, 1), "pcm_s16le")
    source = await whole(path, channel=2, gain_db=6)
    assert frequency(source.pcm) == pytest.approx(880, abs=3)
    assert np.abs(source.pcm.astype(int)).max() == pytest.approx(2 * 10_350, rel=0.05)


async def test_a_recording_on_one_of_eight_channels_is_heard(tmp_path: Path) -> None:
    """As from a network with AES67: L24, eight channels."""
    port = senders.free_rtp_port()
    sides = np.zeros((8, RATE_HZ), np.float32)
    sides[4] = senders.stereo(440, 440, 1)[0]
    to = f"rtp://127.0.0.1:{port}?pkt_size=1200"
    with senders.sending(
        senders.Sender(to, "rtp", "pcm_s24be", sides, options={"payload_type": "97"})
    ):
        source = await heard(sdp(tmp_path, port, "L24/48000/8"), 1.0)
    assert frequency(source.pcm) == pytest.approx(440, abs=3)
