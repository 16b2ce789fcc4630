"""A server starts where it is not at home: other encodings, variables, temporary folders."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.programs import free_port
from tests.helpers.waiting import until

START_S = 40.0
#: Kubernetes sets it so for a service named tolk.
KUBERNETES = {"TOLK_PORT": "tcp://10.43.0.7:8080", "TOLK_SERVICE_HOST": "10.43.0.7", "TOLK_TLS": ""}


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1"])
def test_models_are_listed_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "server", "models", "--state", str(tmp_path)]
    ran = subprocess.run(command, env=env, capture_output=True, timeout=START_S, check=False)
    assert ran.returncode == 0, ran.stderr
    assert b"whisper-base" in ran.stdout


@pytest.mark.parametrize("terminal", ["ascii", "gone"])
async def test_a_server_starts_in_a_foreign_environment(tmp_path: Path, terminal: str) -> None:
    temporary = tmp_path / ("temporary-" * 12)
    temporary.mkdir()
    port, log = free_port(), tmp_path / "log"
    env = {**os.environ, **KUBERNETES, "TMPDIR": str(temporary), "PYTHONIOENCODING": "ascii"}
    reading, writing = os.pipe()
    if terminal == "gone":
        os.close(reading)
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "--port", str(port), "--host", "0.0.0.0"),
            *("--state", str(tmp_path), "--models", "starter", "--spare", "never"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=errors,
            env=env,
        )
    os.close(writing)
    try:
        await until(lambda: b"interpreter ready" in log.read_bytes(), START_S)
        if terminal == "ascii":
            said = os.read(reading, 65_536)
            assert b"Tolk is listening." in said
            assert b"\x1b[" in said, "the code"
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            await process.wait()
        if terminal == "ascii":
            os.close(reading)
    assert b"Traceback" not in log.read_bytes()
