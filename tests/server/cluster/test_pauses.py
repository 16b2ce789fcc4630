"""When a stream pauses."""

import msgspec

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Speech
from server.cluster.pauses import KEPT_SAMPLES, Pauses

PIECE = RATE_HZ // 10
LINE = Caption(
    stream="hall", epoch=0, language="nl", segment=0, revision=0, status="partial",
    start_sample=0, end_sample=10 * PIECE, text="goede",
)  # fmt: skip
FINAL = msgspec.structs.replace(LINE, status="final", text="goedemorgen", end_sample=12 * PIECE)
SPOKEN = Speech(
    stream="hall", epoch=0, language="en", segment=0, play_at=0,
    start_sample=0, end_sample=12 * PIECE, rate_hz=16_000, pcm=b"",
)  # fmt: skip


def heard(pieces: int) -> Pauses:
    pauses = Pauses()
    for number in range(pieces):
        pauses.heard(
            AudioChunk(stream="hall", epoch=0, start_sample=number * PIECE, pcm=bytes(2 * PIECE))
        )
    return pauses


def test_before_the_first_word_it_pauses() -> None:
    assert heard(0).now and heard(20).now


def test_it_pauses_once_what_was_said_is_committed() -> None:
    pauses = heard(20)
    for said in (LINE, FINAL, SPOKEN):
        pauses.said(said, "nl")
        assert not pauses.now
    pauses.committed(11 * PIECE)
    assert not pauses.now
    pauses.committed(12 * PIECE)
    assert pauses.now


def test_words_that_grow_are_no_pause() -> None:
    pauses = heard(40)
    pauses.said(FINAL, "nl")
    pauses.committed(12 * PIECE)
    pauses.said(msgspec.structs.replace(LINE, segment=1, end_sample=15 * PIECE), "nl")
    assert not pauses.now
    pauses.said(msgspec.structs.replace(LINE, segment=1, status="clear", text=""), "nl")
    assert pauses.now


def test_a_translation_that_grows_belongs_to_what_was_said() -> None:
    pauses = heard(20)
    pauses.said(FINAL, "nl")
    pauses.committed(12 * PIECE)
    pauses.said(msgspec.structs.replace(LINE, language="en"), "nl")
    assert pauses.now


def test_what_is_not_committed_is_kept_for_a_while() -> None:
    pauses = heard(20)
    pauses.committed(12 * PIECE)
    assert [each.start_sample for each in pauses.unfinished] == [n * PIECE for n in range(12, 20)]
    kept = sum(each.samples for each in heard(1000).unfinished)
    assert KEPT_SAMPLES <= kept <= KEPT_SAMPLES + PIECE
