from pathlib import Path

import pytest
from prometheus_client import generate_latest

from server.config import Config
from server.media import batch, libopus
from server.media.batch import Batch, Sending
from server.media.native import NativeBatch
from server.media_setup import check_media, media_plane
from server.metrics import Metrics


def sent_by(state: Path) -> tuple[Sending, str]:
    """The way to send of a server with this state folder, and its metric."""
    metrics = Metrics()
    with media_plane(Config(state=str(state), media_port=0), ["127.0.0.1"], metrics) as plane:
        sending = plane.fan_out.batch
    lines = generate_latest(metrics.registry).decode().splitlines()
    return sending, "".join(line for line in lines if line.startswith("tolk_fan_out{"))


async def test_the_compiled_loop_sends(compiled: Path) -> None:
    sending, told = sent_by(compiled)
    assert isinstance(sending, NativeBatch)
    assert told == 'tolk_fan_out{by="native"} 1.0'


async def test_without_the_compiled_loop_python_sends(tmp_path: Path) -> None:
    sending, told = sent_by(tmp_path)
    assert isinstance(sending, Batch)
    assert told == 'tolk_fan_out{by="batches"} 1.0'


def test_this_machine_passes_the_check_of_media() -> None:
    check_media()


def test_missing_requirements_of_media_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "problem", lambda: "nothing is sent")
    with pytest.raises(RuntimeError, match="listeners cannot be sent to: nothing is sent"):
        check_media()
    monkeypatch.undo()

    def absent() -> None:
        raise OSError("no libopus")

    monkeypatch.setattr(libopus, "load", absent)
    with pytest.raises(RuntimeError, match="speakers cannot be heard: no libopus"):
        check_media()
