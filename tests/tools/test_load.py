from pathlib import Path

import numpy as np
import pytest
from av import AudioFrame

from tests.helpers.webrtc import Client
from tools.bench.draining import Arrived
from tools.bench.fanout_server import ours
from tools.bench.load import delivered


def arrived(listener: list[int], at_ms: list[float], packet: list[int]) -> Arrived:
    numbers = np.array(packet)
    return Arrived(
        np.array(listener, np.int32),
        (np.array(at_ms) * 1e6).astype(np.int64),
        (numbers % 2**16).astype(np.uint16),
        (numbers * 960 % 2**32).astype(np.uint32),
    )


def test_delivery_is_measured_per_listener() -> None:
    first = arrived([0, 1, 0], [0, 5, 20], [65535, 100, 65536])
    second = arrived([1, 0, 1], [25, 44, 65], [101, 65537, 103])
    found = delivered([first, second], 3)
    assert (found.packets, found.lost, found.silent) == (6, 1, 1)
    assert np.sort(found.lateness_s) == pytest.approx([0, 0, 0, 0, 0, 0.004], abs=1e-6)
    assert found.jitters_s == pytest.approx([0.004 / 16, 0], abs=1e-6)


def test_without_packets_nothing_was_delivered() -> None:
    found = delivered([], 4)
    assert (found.packets, found.silent) == (0, 4)
    assert not found.lateness_s.size


@pytest.mark.parametrize("system", ["tolk", "own_sockets", "plain"])
async def test_the_measured_systems_answer_offers(system: str, tmp_path: Path) -> None:
    async with ours(system, 1, tmp_path) as answering:
        client = Client("recvonly")
        await client.take(await answering(await client.offer()))
        assert isinstance(await client.transceiver.receiver.track.recv(), AudioFrame)
        await client.close()
