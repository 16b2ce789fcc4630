"""Speaks a sound file into a stream in real time.

python -m tools.speak --url http://127.0.0.1:8080 --stream sunday --language nl talk.wav
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import numpy as np

from server.client.participants import Refused, Speaker
from server.media.files import SoundFile, SoundFileError
from server.media.opus import RATE_HZ, Pcm, joined

#: Silence after the file, so that its last words are recognised.
TAIL_S = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status."""
    options = _parser().parse_args(argv)
    try:
        with SoundFile(options.file, RATE_HZ) as file:
            pcm = joined(list(file))
        asyncio.run(_speak(options, pcm))
    except SoundFileError as error:
        print(f"tools.speak: {error}", file=sys.stderr)
        return 2
    except (Refused, OSError, aiohttp.ClientError) as error:
        print(f"tools.speak: {options.url}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


async def _speak(options: argparse.Namespace, pcm: Pcm) -> None:
    async with Speaker(
        options.url,
        options.stream,
        options.language,
        token=options.token,
        audio=options.audio,
        take_over=options.take_over,
        tls=not options.insecure,
    ) as speaker:
        print(f"speaking {pcm.size / RATE_HZ:.1f} s of {options.language} in {options.stream}")
        await speaker.play(pcm)
        while options.loop:
            await speaker.play(pcm)
        await speaker.play(np.zeros(TAIL_S * RATE_HZ, np.int16))
        if options.end:
            await speaker.end()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.speak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", type=Path, help="sound in any format that FFmpeg reads")
    parser.add_argument("--url", required=True, help="the server's address")
    parser.add_argument("--stream", required=True)
    parser.add_argument("--language", default="nl", help="the language of the file (nl)")
    parser.add_argument("--token", help="if speaking needs one")
    parser.add_argument("--take-over", action="store_true", help="replace the present speaker")
    parser.add_argument("--loop", action="store_true", help="repeat the file until Ctrl-C")
    parser.add_argument("--end", action="store_true", help="end the stream for all afterwards")
    parser.add_argument("--audio", choices=["webrtc", "socket", "socket-opus"], default="webrtc")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    return parser


if __name__ == "__main__":
    sys.exit(main())
