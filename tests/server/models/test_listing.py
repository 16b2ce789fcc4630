"""What operators are told about the models there are."""

from pathlib import Path

import pytest

from server.models.catalogue import Catalogue, Model
from server.models.listing import unclear_voices


def spoken_by_a_voice(read_back_wrong: float | None) -> Catalogue:
    voice = Model(
        name="voice-fr",
        kind="voice",
        path="voice-fr",
        licence="MIT",
        files={"voice.onnx": ""},
        languages=["fr"],
        read_back_wrong=read_back_wrong,
    )
    return Catalogue(Path("/models"), [voice])


def test_for_an_unclear_voice_a_better_one_is_named() -> None:
    (line,) = unclear_voices(spoken_by_a_voice(80.4))
    assert "80 %" in line
    assert "`models pull piper-fr_FR-siwis-medium`" in line


@pytest.mark.parametrize("read_back_wrong", [None, 18.0])
def test_clear_voices_are_not_mentioned(read_back_wrong: float | None) -> None:
    assert not list(unclear_voices(spoken_by_a_voice(read_back_wrong)))
