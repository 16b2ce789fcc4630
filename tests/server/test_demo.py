"""The whole product with the shipped models: a clip is spoken through one PeerConnection, and its
interpretation heard through another."""

from pathlib import Path

import jiwer
import pytest

from server.cli import main
from server.config import STARTER_MODELS, Config
from server.demo import clip, run, vtt
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, joined
from signaling.messages import Caption
from tests.helpers.starter import demo_clip
from tools.bench.demo import bare, cues
from tools.listen import recognized


@pytest.mark.slow
async def test_the_demonstration_is_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recognised sound is compared with the captions, and these with the translation."""
    config = Config(state=str(tmp_path))
    assert await run(config, "nl", "en", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "  nl  " in printed and "  en  " in printed
    said = bare(" ".join(cues((tmp_path / "demo.vtt").read_text())))
    with SoundFile(tmp_path / "demo.wav", RATE_HZ) as sound:
        heard = bare(recognized(joined(list(sound)), STARTER_MODELS, "en") or "")
    assert jiwer.wer(said, heard) <= 0.15
    assert jiwer.wer(bare(demo_clip("nl").translation), said) <= 0.25


async def test_a_language_without_a_clip_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(Config(state=str(tmp_path)), "xx", "en", tmp_path) == 2
    assert "'xx'" in capsys.readouterr().err


def test_a_person_speaks_english_only() -> None:
    """Checks by the number of words a minute that its text can be that of the clip."""
    seconds = len(clip("en", person=True)) / RATE_HZ
    words = len(demo_clip("person-en").text.split())
    assert 25 < seconds < 35 and 120 < 60 * words / seconds < 220
    with pytest.raises(FileNotFoundError, match="there are: en"):
        clip("nl", person=True)


def test_captions_are_written_as_webvtt() -> None:
    caption = Caption(
        stream="demo",
        language="en",
        segment=1,
        revision=0,
        status="final",
        start_ms=3_723_004,
        end_ms=3_725_000,
        text="1 < 2 & 3",
    )
    assert vtt([caption]) == ("WEBVTT\n\n01:02:03.004 --> 01:02:05.000\n1 &lt; 2 &amp; 3\n")


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "out")]) == 1
    assert "file/out cannot be written: Not a directory" in capsys.readouterr().err
