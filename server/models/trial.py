"""Tries a model before it is used: loads it with its library, in another process."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from server.models.disk import FetchError

LIMIT_S: Final = 300.0


async def tried(folder: Path) -> None:
    """Load the model in ``folder``, which has its record. Raises FetchError if its library cannot
    load it, or crashes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "models", "try", str(folder)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise FetchError(f"it takes more than {LIMIT_S:.0f} s to load; it is not used") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = said.decode("utf8", "replace").strip().splitlines()
        why = lines[-1] if lines and process.returncode > 0 else "its library crashed"
        raise FetchError(f"it cannot be loaded: {why.removeprefix('tolk: ')}")
