"""What ``tools.bench equipment`` makes of recordings, subtitles and a kill."""

from pathlib import Path

import numpy as np
import pytest

from server.client.arrivals import Arrivals
from server.media import rtp
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm
from server.recording.files import Batch, Files, Line
from server.subtitles import Cue
from tests.helpers.running import tone
from tools.bench.equipment.films import Said, off
from tools.bench.equipment.kills import judged
from tools.bench.equipment.recording import channels_apart_ms, text_drift_ms

#: Words of 0.6 s, one every 1.2 s.
WORDS = 6


def packets(pcm: Pcm) -> list[tuple[int, bytes]]:
    encoder = OpusEncoder()
    pieces = pcm.reshape(-1, SAMPLES_PER_TICK)
    return [(n * SAMPLES_PER_TICK, encoder.encode(each)) for n, each in enumerate(pieces)]


def line(end_ms: int, text: str = "laag") -> Line:
    return Line("nl", end_ms, 0, end_ms - 600, end_ms, text, source=True)


def write(folder: Path, batch: Batch) -> None:
    files = Files(folder, 0)
    files.append(batch)
    files.close()


def arrived(sent: list[tuple[int, bytes]], late_s: float) -> Arrivals:
    arrivals = Arrivals(keep_payloads=True)
    for number, (timestamp, data) in enumerate(sent):
        packet = rtp.packed(number, timestamp, data)
        arrivals.note_socket_packet(packet, timestamp / RATE_HZ + late_s)
    return arrivals


def test_channels_are_as_far_apart_as_they_were_heard(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, 3000, 2 * RATE_HZ).astype(np.int16) for _ in range(2)]
    sent = {"floor": packets(noise[0]), "en": packets(noise[1])}
    write(tmp_path / "talk", Batch(packets=sent))
    heard = {"floor": arrived(sent["floor"], 5.0), "en": arrived(sent["en"], 5.03)}
    assert channels_apart_ms(tmp_path / "talk", heard) == pytest.approx(30, abs=0.1)
    heard["en"] = Arrivals(keep_payloads=True)
    assert channels_apart_ms(tmp_path / "talk", heard) is None


def test_captions_that_move_against_the_floor_drift(tmp_path: Path) -> None:
    floor = {"floor": packets(np.tile(tone(300), WORDS))}
    steady = [line(600 + 1200 * n) for n in range(WORDS)]
    moving = [line(600 + 1200 * n + (40 if n >= WORDS // 2 else 0)) for n in range(WORDS)]
    for name, lines, drift_ms in (("steady", steady, 0), ("moving", moving, 40)):
        write(tmp_path / name, Batch(lines, floor))
        count, found_ms = text_drift_ms(tmp_path / name)
        assert count == WORDS
        assert found_ms == pytest.approx(drift_ms, abs=2)


def test_what_a_kill_left_is_judged(tmp_path: Path) -> None:
    folder = tmp_path / "talk"
    sound = packets(np.tile(tone(300), 5))
    write(folder, Batch([line(600), line(1800)], {"floor": sound, "en": sound}))
    with (folder / "captions.jsonl").open("ab") as captions:
        captions.write(b'{"language":"nl","segm')
    kill = judged(folder, 8.0, [("nl", 600), ("nl", 7000)])
    assert kill.lost_s == pytest.approx(2, abs=0.1)
    assert (kill.files, kill.unreadable, kill.captions_lost) == (3, 0, 1)
    (folder / "en.ogg").write_bytes(b"OggS, or not")
    assert judged(folder, 8.0, []).unreadable == 1


def test_subtitles_are_compared_with_their_first_words() -> None:
    cues = [Cue(1.0, 2.0, "Good morning,\nall."), Cue(2.2, 3.0, "The tower"), Cue(3.0, 4.0, "is")]
    heard = [
        *(Said("good", 1.1), Said("morning", 1.4), Said("all", 1.8)),
        *(Said("the", 2.5), Said("power", 2.7), Said("is", None)),
    ]
    assert off(cues, heard) == pytest.approx([0.1, 0.3])
