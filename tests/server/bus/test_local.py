"""Behaviour that only the bus over a Unix socket has."""

import asyncio
import struct
from pathlib import Path

import pytest

from server.bus.local import LocalBus
from server.bus.messages import MAX_MESSAGE_BYTES, AudioChunk, decode, encode

DEADLINE_S = 10
SOUND = AudioChunk(stream="a", epoch=1, start_sample=0, pcm=bytes(640))


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


async def ended(reader: asyncio.StreamReader) -> bool:
    """The other side closes this connection without having sent anything."""
    async with asyncio.timeout(DEADLINE_S):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(struct.pack(">I", MAX_MESSAGE_BYTES + 1), id="too large"),
        pytest.param(framed(b"\xc1"), id="not MessagePack"),
        pytest.param(framed(b"\x93\xa7unknown\xa1a\x01"), id="unknown message"),
        pytest.param(framed(b""), id="empty"),
        pytest.param(framed(encode(SOUND).replace(b"\xa1a", b"\xa1\xff")), id="no UTF-8"),
        pytest.param(framed(encode(SOUND) + b"\x00"), id="trailing bytes"),
    ],
)
async def test_a_broken_frame_closes_only_its_connection(
    tmp_path: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalBus.listen(tmp_path / "bus", decode) as media:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "bus")
        writer.write(framed(encode(SOUND)) + broken + framed(encode(SOUND)))
        assert await ended(reader)
        writer.close()
        async with LocalBus.connect(tmp_path / "bus", decode) as worker:
            worker.publish(SOUND)
            async with asyncio.timeout(DEADLINE_S):
                assert await media.receive() == SOUND  # what came before the broken frame
                assert await media.receive() == SOUND  # the next worker's
    assert [record.name for record in caplog.records] == ["server.bus.local"]  # no traceback


async def test_frames_may_arrive_in_pieces(tmp_path: Path) -> None:
    async with LocalBus.listen(tmp_path / "bus", decode) as media:
        _, writer = await asyncio.open_unix_connection(tmp_path / "bus")
        for byte in framed(encode(SOUND)):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(DEADLINE_S):
            assert await media.receive() == SOUND
        writer.close()
        await writer.wait_closed()


async def test_a_new_worker_replaces_the_old_one(tmp_path: Path) -> None:
    async with LocalBus.listen(tmp_path / "bus", decode) as media:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "bus")
        async with LocalBus.connect(tmp_path / "bus", decode) as worker:
            assert await ended(reader)
            media.publish(SOUND)
            async with asyncio.timeout(DEADLINE_S):
                assert await worker.receive() == SOUND
        writer.close()


async def test_a_new_worker_does_not_get_messages_for_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "bus"
    async with LocalBus.listen(path, decode) as media, LocalBus.connect(path, decode) as first:
        first.publish(SOUND)
        await media.receive()
        for _ in range(50):  # more than the kernel takes at once
            media.publish(AudioChunk(stream="a", epoch=1, start_sample=0, pcm=bytes(200_000)))
        async with LocalBus.connect(path, decode) as second:
            second.publish(SOUND)
            await media.receive()
            media.publish(SOUND)
            async with asyncio.timeout(DEADLINE_S):
                assert await second.receive() == SOUND


async def test_a_folder_that_other_users_may_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(PermissionError, match="0700"):
        async with LocalBus.listen(tmp_path / "bus", decode):
            pass


async def test_the_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    async with LocalBus.listen(tmp_path / "bus", decode):
        assert (tmp_path / "bus").is_socket()
    assert not (tmp_path / "bus").exists()


async def test_a_folder_with_a_long_name_will_do(tmp_path: Path) -> None:
    """TMPDIR may be long, and a socket's path has at most 107 bytes."""
    folder = tmp_path / ("long-" * 30) / ("é" * 60)
    folder.mkdir(mode=0o700, parents=True)
    async with (
        LocalBus.listen(folder / "bus", decode) as media,
        LocalBus.connect(folder / "bus", decode) as worker,
    ):
        worker.publish(SOUND)
        async with asyncio.timeout(DEADLINE_S):
            assert await media.receive() == SOUND
    assert not list(folder.iterdir())
