from pathlib import Path

import pytest
from prometheus_client import generate_latest

from server.config import Config
from server.media import direct
from server.media.batch import Batch, Sending
from server.media.native import NativeBatch
from server.media_setup import media_plane
from server.metrics import Metrics


def sent_by(state: Path) -> tuple[Sending | None, str]:
    """What of a server's that keeps its state there sends, and what its metrics say of it."""
    metrics = Metrics()
    with media_plane(Config(state=str(state), media_port=0), ["127.0.0.1"], metrics) as plane:
        batch = plane.fan_out.batch if plane.fan_out else None
    lines = generate_latest(metrics.registry).decode().splitlines()
    return batch, "".join(line for line in lines if line.startswith("tolk_fan_out{"))


async def test_what_was_compiled_sends(compiled: Path) -> None:
    batch, told = sent_by(compiled)
    assert isinstance(batch, NativeBatch)
    assert told == 'tolk_fan_out{by="native"} 1.0'


async def test_without_it_python_sends(tmp_path: Path) -> None:
    batch, told = sent_by(tmp_path)
    assert isinstance(batch, Batch)
    assert told == 'tolk_fan_out{by="batches"} 1.0'


async def test_where_aiortc_is_another_it_sends(
    compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "missing", lambda: "something is not as it was")
    assert sent_by(compiled) == (None, 'tolk_fan_out{by="aiortc"} 1.0')
