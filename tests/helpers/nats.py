"""A real NATS server on loopback, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.programs import program
from tools import nats_server as tool
from tools.nats_server import NatsProcess

__all__ = ["NatsProcess", "nats_server"]


@contextmanager
def nats_server(folder: Path, **settings: object) -> Iterator[NatsProcess]:
    """Run a NATS server. Without one the test is skipped."""
    program("nats-server")
    with tool.nats_server(folder, **settings) as process:
        yield process
