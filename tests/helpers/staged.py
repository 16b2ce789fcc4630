"""A server with the stand-in interpreter, as a process of its own:
``python -m tests.helpers.staged --port N --state FOLDER [--record audio,text] [--most-bytes N]
[--settings JSON]``. With ``--most-bytes`` no file can grow beyond that once the server runs.
"""

import argparse
import asyncio
import json
import resource
import tempfile
from pathlib import Path

import msgspec

from server import app
from server.config import Config
from server.process import on_sigterm
from tests.helpers.running import STAND_IN, models_of_several


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--record", default="")
    parser.add_argument("--most-bytes", type=int)
    parser.add_argument("--settings", type=json.loads, default={})
    options = parser.parse_args()
    stopped = asyncio.Event()
    with tempfile.TemporaryDirectory() as folder, on_sigterm(stopped.set):
        models = str(models_of_several(Path(folder)))
        record = [kind for kind in ("audio", "text") if kind in options.record.split(",")]
        config = Config(port=options.port, state=options.state, models=models, max_languages=8)
        config = msgspec.structs.replace(config, record=record, **options.settings)
        async with app.running(config, STAND_IN):
            if options.most_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (options.most_bytes, options.most_bytes))
            await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
