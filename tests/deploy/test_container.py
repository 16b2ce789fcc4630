"""What the container runs to say whether it is well, and what its file copies."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Literal

import pytest

from tests.helpers.running import STAND_IN, tolk

DEPLOY = Path(__file__).parents[2] / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf8")
ANSWER_S = 20.0


#: Nothing answers there.
NO_PROXY = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


async def healthy(port: int) -> bool:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, DEPLOY / "healthcheck.py"),
        env={**os.environ, "TOLK_PORT": str(port), **NO_PROXY},
    )
    async with asyncio.timeout(ANSWER_S):
        return await process.wait() == 0


@pytest.mark.parametrize("tls", ["off", "self"])
async def test_a_server_that_runs_is_healthy_until_it_ends(
    tmp_path: Path, tls: Literal["off", "self"]
) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, tls=tls) as server:
        assert await healthy(server.port)
    assert not await healthy(server.port)


def test_everything_copied_is_there() -> None:
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE):
        for source in sources.split():
            assert (DEPLOY.parent / source).exists(), source


def test_the_requirements_are_cut_where_the_tests_begin() -> None:
    cut = re.search(r"sed '/\^(.*)/,\$d'", CONTAINERFILE)
    assert cut is not None
    requirements = (DEPLOY.parent / "requirements.txt").read_text(encoding="utf8")
    needed, for_tests = requirements.split(cut[1])
    assert "aiohttp" in needed
    assert "pytest" not in needed
    assert "pytest" in for_tests


def test_it_runs_as_nobody_special() -> None:
    last_stage = CONTAINERFILE.rpartition("FROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", last_stage, re.MULTILINE)
    assert int(user) >= 1000
