"""Each kind of live source, from a real sender on loopback to the samples that would be sent.

All of them run at the same time; the tests look at what came of each.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.helpers.inputs import Heard, frequency, heard
from tools.rtsp import camera
from tools.senders import (
    Sender,
    folder,
    free_port,
    free_rtp_port,
    sdp,
    sending,
    serving_tcp,
    stereo,
    streaming,
)

ENOUGH_S = 1.2
TONE = stereo(440, 440)

#: How each source is set up: gives what the user would type, and starts its sender.
Source = Callable[[ExitStack, Path], Awaitable[Heard]]


async def udp(stack: ExitStack, tmp: Path) -> Heard:
    url = f"udp://127.0.0.1:{free_rtp_port()}"
    stack.enter_context(sending(Sender(f"{url}?pkt_size=1316", "mpegts", "aac", TONE)))
    return await heard(url, ENOUGH_S)


async def tcp(stack: ExitStack, tmp: Path) -> Heard:
    """We connect to the source."""
    url = stack.enter_context(serving_tcp(lambda out: Sender(out, "mpegts", "aac", TONE)))
    return await heard(url, ENOUGH_S)


async def tcp_listening(stack: ExitStack, tmp: Path) -> Heard:
    url = f"tcp://127.0.0.1:{free_port()}"
    stack.enter_context(sending(Sender(url, "mpegts", "aac", TONE, persistent=True)))
    return await heard(url, ENOUGH_S, listen=True)


async def rtmp_listening(stack: ExitStack, tmp: Path) -> Heard:
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    stack.enter_context(sending(Sender(url, "flv", "aac", TONE, persistent=True)))
    return await heard(url, ENOUGH_S, listen=True)


def rtp(codec: str, encoding: str, packet_bytes: int = 1200) -> Source:
    async def source(stack: ExitStack, tmp: Path) -> Heard:
        port = free_rtp_port()
        options = {"payload_type": "97"}
        url = f"rtp://127.0.0.1:{port}?pkt_size={packet_bytes}"
        stack.enter_context(sending(Sender(url, "rtp", codec, TONE, options=options)))
        return await heard(sdp(tmp, port, encoding), ENOUGH_S)

    return source


async def aes67_device(stack: ExitStack, tmp: Path) -> Heard:
    """Its SDP file is on its web page."""
    port = free_rtp_port()
    to, options = f"rtp://127.0.0.1:{port}?pkt_size=300", {"payload_type": "97"}
    stack.enter_context(sending(Sender(to, "rtp", "pcm_s24be", TONE, options=options)))
    name = Path(sdp(tmp, port, "L24/48000/2")).name
    return await heard(f"{stack.enter_context(folder(tmp))}/{name}", ENOUGH_S)


def http(container: str, codec: str) -> Source:
    async def source(stack: ExitStack, tmp: Path) -> Heard:
        url = stack.enter_context(
            streaming(f"audio/{container}", lambda out: Sender(out, container, codec, TONE))
        )
        return await heard(f"{url}/live", ENOUGH_S)

    return source


async def hls(stack: ExitStack, tmp: Path) -> Heard:
    options = {"hls_time": "1", "hls_flags": "delete_segments", "hls_list_size": "4"}
    playlist = tmp / "live.m3u8"
    stack.enter_context(sending(Sender(str(playlist), "hls", "aac", TONE, options=options)))
    url = stack.enter_context(folder(tmp))
    return await heard(f"{url}/live.m3u8", ENOUGH_S)


async def rtsp(stack: ExitStack, tmp: Path) -> Heard:
    return await heard(stack.enter_context(camera()), ENOUGH_S)


async def srt(stack: ExitStack, tmp: Path) -> Heard:
    """Sent by the program ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        return pytest.skip("needs ffmpeg")
    url = f"srt://127.0.0.1:{free_rtp_port()}"
    run_ffmpeg(stack, program, f"{url}?mode=listener")
    return await heard(url, ENOUGH_S)


def run_ffmpeg(stack: ExitStack, program: str, url: str) -> None:
    """Let ffmpeg send a tone as MPEG-TS until ``stack`` ends."""
    tone = "aevalsrc=0.316*sin(2*PI*440*t)|0.316*sin(2*PI*440*t):s=48000"
    words = [program, "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", tone]
    words += ["-c:a", "aac", "-f", "mpegts", url]
    process = stack.enter_context(subprocess.Popen(words))
    stack.callback(process.kill)


#: AES67's packets have 1 ms: 300 bytes of L24.
SOURCES: dict[str, tuple[Source, str]] = {
    "UDP": (udp, "aac"),
    "TCP": (tcp, "aac"),
    "TCP listening": (tcp_listening, "aac"),
    "RTMP listening": (rtmp_listening, "aac"),
    "RTP L16": (rtp("pcm_s16be", "L16/48000/2"), "pcm_s16be"),
    "RTP L24": (rtp("pcm_s24be", "L24/48000/2", 300), "pcm_s24be"),
    "RTP Opus": (rtp("libopus", "opus/48000/2"), "opus"),
    "RTP, SDP by HTTP": (aes67_device, "pcm_s24be"),
    "HTTP MP3": (http("mp3", "libmp3lame"), "mp3"),
    "HTTP Ogg": (http("ogg", "libopus"), "opus"),
    "HLS": (hls, "aac"),
    "RTSP": (rtsp, "pcm_s16be"),
    "SRT": (srt, "aac"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Heard | BaseException]:
    """What came of each source."""

    async def everything() -> dict[str, Heard | BaseException]:
        with ExitStack() as stack:
            folders = {name: tmp_path_factory.mktemp("source") for name in SOURCES}
            runs = [source(stack, folders[name]) for name, (source, _) in SOURCES.items()]
            results = await asyncio.gather(*runs, return_exceptions=True)
        return dict(zip(SOURCES, results, strict=True))

    return asyncio.run(everything())


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_heard(outcomes: dict[str, Heard | BaseException], name: str) -> None:
    outcome = outcomes[name]
    if isinstance(outcome, BaseException):
        raise outcome
    kind = outcome.reading.kind
    assert kind is not None
    channels = 1 if name == "RTSP" else 2
    assert (kind.codec, kind.rate_hz, kind.channels) == (SOURCES[name][1], 48_000, channels)
    assert frequency(outcome.pcm) == pytest.approx(440, abs=3)
    peak = abs(outcome.pcm[-4800:].astype(int)).max()
    assert peak == pytest.approx(10_350, rel=0.1)


async def test_a_sound_card_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By ALSA's own library, which reads a file in place of a sound card, slowly."""
    (tmp_path / "sound").write_bytes((32768 * TONE).astype("<i2").T.tobytes())
    configuration = tmp_path / "asound.conf"
    configuration.write_text(
        f"""pcm.desk {{ type file; slave.pcm nothing; infile "{tmp_path}/sound"
                        file "/dev/null"; format raw }}
            pcm.nothing {{ type null }}"""
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(configuration))
    source = await heard("alsa:desk", 0.02)
    assert source.reading.kind is not None and source.reading.kind.codec == "pcm_s16le"
