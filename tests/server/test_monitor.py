"""What a speaker is told of the interpretation, and what the monitor of their own stream gets."""

from pathlib import Path

import pytest

from server.bus.messages import RATE_HZ, Speech
from server.client.participants import Listener, Refused, Speaker
from server.streams.ear_voice_span import EarVoiceSpan
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, tolk, tone

LOW = tone(300)


def speech(language: str, end_s: float, segment: int) -> Speech:
    end = round(end_s * RATE_HZ)
    return Speech(
        stream="s",
        epoch=1,
        language=language,
        segment=segment,
        start_sample=0,
        end_sample=end,
        play_at=end,
        rate_hz=RATE_HZ,
        pcm=b"",
    )


def test_a_language_is_as_far_behind_as_its_oldest_clause_waits() -> None:
    now_s = [3.0]
    span = EarVoiceSpan(lambda: round(now_s[0] * RATE_HZ), lambda language, lag_s: None)
    clause = span.expect(speech("en", 2.0, 1))
    span.expect(speech("en", 2.5, 2))
    span.expect(speech("en", 2.6, 3))
    assert span.behind_s() == {"en": 1.0}
    span.starts("en", clause, 0)
    span.expect(speech("en", 2.0, 1))  # its second piece
    now_s[0] = 8.0
    assert span.behind_s() == {"en": 5.5}
    span.starts("en", span.expect(speech("en", 7.0, 4)), 0)
    assert span.behind_s() == {"en": 1.0}, "what came before and did not start was dropped"


async def test_a_speaker_follows_their_own_interpretation(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, speak_token="required", listen_token="required") as server:
        token = server.access.issue(stream="own", speak=True, valid_s=60)
        with pytest.raises(Refused, match="listen"):
            async with Listener(server.url, "own", "en", token=token):
                pass
        async with (
            Speaker(server.url, "own", "nl", token=token) as speaker,
            Listener(
                server.url, "own", "en", captions=["en"], token=token, monitor=True
            ) as monitor,
        ):
            await speaker.play(LOW)
            await monitor.expect(wire.Caption, final("en", "low"))
            lag = await speaker.expect(wire.Lag)
            audience = await speaker.expect(wire.Audience)
        assert set(lag.behind_s) == {"en"}
        assert audience.total == 0
