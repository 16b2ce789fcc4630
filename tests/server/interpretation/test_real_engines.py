"""All engines that are shipped, at work in one interpreter process."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soxr

from server.bus import messages
from server.interpretation import process
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.models.catalogue import Catalogue
from server.models.current import version
from tests.helpers.interpretation import MemoryBus
from tests.helpers.starter import Clip, error_rate

CHUNK_SAMPLES = messages.RATE_HZ // 10


@pytest.mark.slow
async def test_a_clip_is_captioned_and_spoken_while_the_models_are_changed(
    starter: Catalogue, demo: Clip, english: VoskRecognizer, tmp_path: Path
) -> None:
    bus = MemoryBus()
    (tmp_path / "same").symlink_to(starter.folder)
    other = Catalogue(tmp_path / "same", starter.models)
    catalogues = iter((starter, other))
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(process.run(bus, process.loader(lambda: next(catalogues))))
        await bus.wait_for(messages.Heartbeat, ready=True)
        bus.send(messages.Reload())
        for start in range(0, len(demo.pcm), CHUNK_SAMPLES):
            bus.send(messages.Demand(stream="s", epoch=1, source="nl", speech=("en",)))
            pcm = demo.pcm[start : start + CHUNK_SAMPLES].tobytes()
            bus.send(messages.AudioChunk(stream="s", epoch=1, start_sample=start, pcm=pcm))
            await asyncio.sleep(0.05)  # twice as fast as it was said
        await bus.wait_for(messages.Committed, sample=len(demo.pcm))
        await bus.wait_for(messages.Heartbeat, version=version(other))
        bus.close()

    dutch = " ".join(each.text for each in bus.of(messages.Caption, language="nl", status="final"))
    assert error_rate(demo.text, dutch) <= 0.15
    captions = bus.of(messages.Caption, language="en", status="final")
    written = " ".join(each.text for each in captions)
    assert error_rate(demo.translation, written) <= 0.2
    spoken = {each.segment for each in bus.of(messages.Speech, last=True)}
    assert spoken <= {each.segment for each in captions}
    said = " ".join(each.text for each in captions if each.segment in spoken)
    assert error_rate(said, read_back(bus.of(messages.Speech), english)) <= 0.2


def read_back(pieces: list[messages.Speech], recognizer: VoskRecognizer) -> str:
    stream = recognizer.stream()
    heard = []
    for piece in pieces:
        sound = np.frombuffer(piece.pcm, np.int16)
        heard.append(stream.accept(soxr.resample(sound, piece.rate_hz, messages.RATE_HZ)))
        if piece.last:
            heard.append(stream.accept(np.zeros(messages.RATE_HZ, np.int16)))
    heard.append(stream.finish())
    return " ".join(each.text for each in heard if each and each.final)
