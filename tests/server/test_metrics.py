"""Whatever is counted can be read."""

from dataclasses import fields
from typing import Any

import pytest
from prometheus_client import generate_latest

from server import metrics
from server.bus.replay import ReplayCounts
from server.media.counts import JitterCounts, PlayoutCounts, SocketCounts
from server.metrics import Metrics
from server.recording.counts import RecordingCounts


@pytest.mark.parametrize(
    ("counts", "texts"),
    [
        (JitterCounts, metrics.UPLINK),
        (SocketCounts, metrics.SOCKET),
        (PlayoutCounts, metrics.PLAYOUT),
        (ReplayCounts, metrics.REPLAY),
        (RecordingCounts, metrics.RECORDING),
    ],
)
def test_every_count_has_a_metric(counts: type[Any], texts: dict[str, str]) -> None:
    assert {field.name for field in fields(counts)} == texts.keys()


async def test_metrics_show_what_was_counted_since() -> None:
    counted = Metrics()
    counted.uplink_counts.late = 1
    counted.socket_counts.dropped_seconds = 0.5
    counted.playout_counts.floor_underruns = 2
    counted.fan_out_counts["dropped"] = 3
    text = generate_latest(counted.registry).decode()
    for line in (
        "tolk_uplink_late 1.0",
        "tolk_uplink_socket_dropped_seconds 0.5",
        "tolk_downlink_floor_underruns 2.0",
        "tolk_downlink_dropped 3.0",
    ):
        assert f"\n{line}\n" in text
