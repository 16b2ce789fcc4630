"""Programs of the system that some tests need."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.process import end
from tests.helpers.waiting import until

#: A program that only answers a question takes no longer.
ANSWER_S = 60.0
START_S, END_S = 30.0, 10.0
#: Debian has daemons there, which is not in everybody's PATH.
FOLDERS = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def program(name: str) -> str:
    """The path of a program. Skips the test where there is none; fails it in continuous
    integration."""
    found = shutil.which(name, path=FOLDERS)
    if found is None:
        if os.environ.get("TOLK_CI"):
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


def asked(*command: str | os.PathLike[str], folder: str | os.PathLike[str] = ".") -> str:
    """Run a program to its end in ``folder``: what it said. The test fails if the program does."""
    name, *arguments = command
    ran = subprocess.run(
        [program(str(name)), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ANSWER_S,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def daemon(
    *command: str | os.PathLike[str], port: int, log: Path, env: Mapping[str, str] = {}
) -> AsyncIterator[None]:
    """Run a program that serves, from when it accepts connections on ``port`` until the body ends.
    What it says goes to ``log``."""
    name, *arguments = command
    path = program(str(name))
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            path, *arguments, env={**os.environ, **env}, stdout=out, stderr=out
        )
    try:
        await until(lambda: process.returncode is not None or _accepts(port), START_S)
        assert process.returncode is None, log.read_text(errors="replace")
        yield
    finally:
        assert await end(process, END_S), f"{name} did not end by itself"


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
