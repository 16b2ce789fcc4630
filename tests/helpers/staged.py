"""A server with the stand-in interpreter, as a process of its own:
``python -m tests.helpers.staged --port N --state FOLDER``."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from server import app
from server.config import Config
from server.process import on_sigterm
from tests.helpers.running import STAND_IN, models_of_several


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", required=True)
    options = parser.parse_args()
    stopped = asyncio.Event()
    with tempfile.TemporaryDirectory() as folder, on_sigterm(stopped.set):
        models = str(models_of_several(Path(folder)))
        config = Config(port=options.port, state=options.state, models=models)
        async with app.running(config, STAND_IN):
            await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
