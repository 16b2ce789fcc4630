"""The demonstration: sends a bundled clip through a whole server, from one PeerConnection to
another.

Two clips have a synthetic voice, which the shipped recognisers understand best. One has a person's.
"""

import asyncio
import sys
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import msgspec

from server import app
from server.client.participants import Listener, Speaker
from server.config import Config
from server.media.files import SoundFile, WavWriter
from server.media.opus import RATE_HZ, Pcm, joined
from server.subtitles import Cue, vtt_cue
from signaling.messages import Caption

READY_S = 30.0
DOCTOR = "to find out why: python -m server doctor"
#: How long to wait after the clip for the last interpretation.
TAIL_S = 5.0
STREAM = "demo"
#: The language of the clip with a person's voice.
PERSONS = "en"
MISHEARD = (
    "The shipped recogniser was trained on synthetic voices, and gets a third of a person's words "
    f"wrong.\nTo install one for people: python -m server models pull {PERSONS}"
)


def clip(language: str, person: bool = False) -> Pcm:
    """The bundled clip in ``language``, 48 kHz mono; with ``person`` the one with a person's
    voice. Raises FileNotFoundError."""
    name = f"person-{language}.opus" if person else f"{language}.opus"
    with resources.as_file(resources.files(__name__) / name) as path:
        if not path.exists():
            what, there = ("clips of a person", "en") if person else ("clips", "nl, en")
            raise FileNotFoundError(f"there are no {what} in {language!r}; there are: {there}")
        with SoundFile(path, RATE_HZ) as sound:
            return joined(list(sound))


async def run(config: Config, source: str, target: str, out: Path, person: bool = False) -> int:
    """Play the clip, print captions as they arrive, and write ``demo.wav`` and ``demo.vtt`` to the
    folder ``out``. Returns an exit status."""
    try:
        pcm = clip(source, person)
    except FileNotFoundError as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 2
    loopback = msgspec.structs.replace(
        config, host="127.0.0.1", port=0, tls="off", tls_cert="", fetch="never", spare="never"
    )
    async with app.running(loopback) as server:
        if target not in server.models.catalogue.targets(source):
            print(f"tolk: there are no models from {source} to {target}", file=sys.stderr)
            return 2
        print("Loading models …", flush=True)
        try:
            async with asyncio.timeout(READY_S):
                while not server.supervisor.ready:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            print(f"tolk: the models are not loaded after {READY_S:g} s; {DOCTOR}", file=sys.stderr)
            return 1
        async with Listener(
            server.url, STREAM, target, captions=[source, target], keep_sound=True
        ) as listener:
            await _speak(server.url, source, pcm, listener)
        captions = [caption for _, caption in listener.captions if caption.status == "final"]
        with WavWriter(out / "demo.wav", RATE_HZ) as wav:
            wav.write(listener.arrivals.sound())
        (out / "demo.vtt").write_text(
            vtt(each for each in captions if each.language == target), encoding="utf8"
        )
        ear = server.models.catalogue.recognizers.get(PERSONS)
    print(f"\nWhat was heard is in {out / 'demo.wav'}, its captions are in {out / 'demo.vtt'}.")
    if person and ear and ear.format != "whisper":
        print(MISHEARD)
    elif not person and ear and ear.format == "whisper":
        print("That voice was synthetic. To hear half a minute of a person: demo --person")
    return 0


async def _speak(url: str, source: str, pcm: Pcm, listener: Listener) -> None:
    """Play the clip. Print captions meanwhile and for TAIL_S after."""
    async with Speaker(url, STREAM, source) as speaker, asyncio.TaskGroup() as group:
        printer = group.create_task(_show(speaker, listener), name="captions")
        print(
            f"Speaking {len(pcm) / RATE_HZ:.0f} s of {source}. Each caption, and how long after "
            "its last word it arrived:\n",
            flush=True,
        )
        await speaker.play(pcm)
        await asyncio.sleep(TAIL_S)
        printer.cancel()


async def _show(speaker: Speaker, listener: Listener) -> None:
    """Print each final caption, and how long after its last word it arrived."""
    shown = 0
    while True:
        for at_s, caption in listener.captions[shown:]:
            shown += 1
            if caption.status == "final" and speaker.started_speaking_s is not None:
                delay_s = at_s - speaker.started_speaking_s - caption.end_ms / 1000
                print(f"  {caption.language}  {delay_s:4.1f} s  {caption.text}", flush=True)
        await asyncio.sleep(0.05)


def vtt(captions: Iterable[Caption]) -> str:
    """The captions as WebVTT (W3C), in order."""
    cues = (Cue(each.start_ms / 1000, each.end_ms / 1000, each.text) for each in captions)
    return "\n".join(["WEBVTT\n", *map(vtt_cue, cues)])
