"""Listens to a stream with headless WebRTC clients, and reports how its sound arrived.

    python -m tools.listen --url http://127.0.0.1:8080 --stream sunday --language en

Times of arrival are the kernel's. The sound of one listener is kept, and decoded and recognised
after the run.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import numpy as np

from server.client.participants import Listener, Refused
from server.config import STARTER_MODELS
from server.interpretation.engines import ModelError
from server.interpretation.types import Word
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.media.files import WavWriter
from server.media.opus import RATE_HZ, Pcm, Resampler
from server.models.catalogue import Catalogue
from server.streams.registry import language_of
from tools.figures import Figure, report
from tools.packets import jitter_s, lateness_s, missing, unsent_s

#: If more joined at once, this process's DTLS would be measured.
JOINING_AT_ONCE = 4
RECOGNIZER_HZ = 16_000
RECOGNIZED_AT_ONCE = RECOGNIZER_HZ // 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit status: 1 if a bound does not hold or nothing arrived."""
    options = _parser().parse_args(argv)
    try:
        listeners, since_s = asyncio.run(_listen(options))
    except* (Refused, OSError, aiohttp.ClientError) as failed:
        error: BaseException = failed
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(f"tools.listen: {options.url}: {error}", file=sys.stderr)
        status = 1
    except* KeyboardInterrupt:
        status = 130
    else:
        status = _report(options, listeners, since_s)
    return status


async def _listen(options: argparse.Namespace) -> tuple[list[Listener], float]:
    """The listeners after the run, and when the last had joined, on the loop's clock."""
    listeners = [
        Listener(
            options.url,
            options.stream,
            options.channel or options.language,
            captions=options.captions,
            audio=options.audio,
            token=options.token,
            keep_sound=number == 0,
            tls=not options.insecure,
        )
        for number in range(options.listeners)
    ]
    gate = asyncio.Semaphore(JOINING_AT_ONCE)
    all_joined = asyncio.Barrier(len(listeners) + 1)
    over = asyncio.Event()

    async def listen(listener: Listener) -> None:
        async with AsyncExitStack() as stack:
            async with gate:
                await stack.enter_async_context(listener)
            await all_joined.wait()
            await over.wait()

    async with asyncio.TaskGroup() as group:
        for number, listener in enumerate(listeners):
            group.create_task(listen(listener), name=f"listener-{number}")
        await all_joined.wait()
        since_s = asyncio.get_running_loop().time()
        await asyncio.sleep(options.seconds)
        over.set()
    return listeners, since_s


def figures(listeners: Sequence[Listener], since_s: float) -> list[Figure]:
    """How the sound arrived. Lateness and jitter are of packets after ``since_s``."""
    lateness, jitters, first_s = [np.zeros(0)], [], []
    for listener in listeners:
        at_s, timestamps = listener.arrivals.at_s, listener.arrivals.timestamps
        late = at_s >= since_s
        lateness.append(lateness_s(at_s[late], timestamps[late]))
        if late.any():
            jitters.append(jitter_s(at_s[late], timestamps[late]))
        if at_s.size:
            first_s.append(float(at_s[0]) - listener.started_s)
    unsent = [unsent_s(each.arrivals.timestamps) for each in listeners if len(each.arrivals)]
    late_ms = np.concatenate(lateness) * 1e3
    p50, p99, most = (
        np.percentile(late_ms, [50, 99, 100]).tolist() if late_ms.size else [None, None, None]
    )
    return [
        Figure("listen.listeners", len(listeners), ""),
        Figure("listen.silent_listeners", len(listeners) - len(first_s), "", bound=0),
        Figure("listen.packets", sum(len(each.arrivals) for each in listeners), "packets"),
        Figure(
            "listen.sequence_gaps",
            sum(missing(each.arrivals.sequences) for each in listeners),
            "packets",
            bound=0,
        ),
        Figure("listen.unsent_max", max(unsent, default=None), "s"),
        Figure("listen.lateness_p50", p50, "ms"),
        Figure("listen.lateness_p99", p99, "ms", bound=10),
        Figure("listen.lateness_max", most, "ms", bound=60),
        Figure("listen.jitter_max", max(jitters) * 1e3 if jitters else None, "ms"),
        Figure("listen.first_packet_p50", float(np.median(first_s)) if first_s else None, "s"),
        Figure("listen.first_packet_max", max(first_s, default=None), "s"),
    ]


def recognized(pcm: Pcm, models: Path, language: str) -> str | None:
    """The text that the project's recogniser hears in 48 kHz sound; None without a model of the
    language.

    Raises ModelError if the models are broken.
    """
    words = recognized_words(pcm, models, language)
    return None if words is None else " ".join(word.text for word in words)


def recognized_words(pcm: Pcm, models: Path, language: str) -> list[Word] | None:
    """The same word for word, with times in samples of RECOGNIZER_HZ."""
    catalogue = Catalogue.load(models)
    model = catalogue.recognizers.get(language)
    if model is None:
        return None
    resampler = Resampler(RATE_HZ, RECOGNIZER_HZ)
    sound = np.concatenate((resampler.push(pcm), resampler.flush()))
    stream = VoskRecognizer(catalogue.path(model), language).stream()
    heard = []
    for start in range(0, sound.size, RECOGNIZED_AT_ONCE):
        heard.append(stream.accept(sound[start : start + RECOGNIZED_AT_ONCE]))
    heard.append(stream.finish())
    return [word for each in heard if each and each.final for word in each.words]


def _report(options: argparse.Namespace, listeners: Sequence[Listener], since_s: float) -> int:
    kept = listeners[0]
    more: dict[str, object] = {"channel": options.channel or options.language}
    if options.captions:
        more["captions"] = [
            {"after_s": round(at_s - since_s, 3), "language": each.language, "text": each.text}
            for at_s, each in kept.captions
            if each.status == "final"
        ]
    pcm = kept.arrivals.sound()
    if options.save and pcm.size:
        with WavWriter(options.save, RATE_HZ) as wav:
            wav.write(pcm)
    language = language_of(str(more["channel"])) or kept.joined.source
    if pcm.size and language:
        try:
            more["recognised"] = recognized(pcm, options.models, language)
        except ModelError as error:
            more["not_recognised"] = str(error)
    return report(figures(listeners, since_s), as_json=options.json, more=more)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.listen", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--url", required=True, help="the server's address")
    parser.add_argument("--stream", required=True)
    parser.add_argument("--language", default="floor", help="the language to hear (floor)")
    parser.add_argument("--channel", help="floor, en or en+floor, instead of --language")
    parser.add_argument("--captions", nargs="*", default=[], metavar="LANGUAGE")
    parser.add_argument("--listeners", type=int, default=1)
    parser.add_argument(
        "--seconds", type=float, default=20, help="how long to listen after all have joined"
    )
    parser.add_argument("--audio", choices=["webrtc", "socket"], default="webrtc")
    parser.add_argument("--token", help="if listening needs one")
    parser.add_argument(
        "--models", type=Path, default=STARTER_MODELS, help="models to recognise with"
    )
    parser.add_argument(
        "--save", type=Path, metavar="WAV", help="file for the sound of one listener"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    return parser


if __name__ == "__main__":
    sys.exit(main())
