from signaling.messages import Caption, CaptionStatus, Pong, State
from signaling.outbox import MAX_AUDIO_PACKETS, MAX_MESSAGES, Outbox


def caption(segment: int, status: CaptionStatus) -> Caption:
    return Caption(
        stream="s",
        language="en",
        segment=segment,
        revision=1,
        status=status,
        start_ms=0,
        end_ms=1,
        text="",
    )


def test_messages_are_sent_before_sound_and_both_in_order() -> None:
    outbox = Outbox()
    outbox.put_audio(b"a")
    outbox.put(State(state="live"))
    outbox.put_audio(b"b")
    outbox.put(Pong())
    taken = [outbox.take() for _ in range(5)]
    assert taken == [State(state="live"), Pong(), b"a", b"b", None]


def test_the_oldest_sound_is_dropped_and_counted() -> None:
    outbox = Outbox()
    for number in range(MAX_AUDIO_PACKETS + 3):
        outbox.put_audio(bytes([number]))
    assert outbox.dropped_audio == 3
    assert len(outbox) == MAX_AUDIO_PACKETS
    assert outbox.take() == bytes([3])


def test_the_oldest_partial_caption_is_dropped_and_counted() -> None:
    outbox = Outbox()
    outbox.put(caption(0, "final"))
    outbox.put(caption(1, "partial"))
    for segment in range(2, MAX_MESSAGES):
        outbox.put(caption(segment, "partial"))
    assert outbox.put(Pong())
    assert outbox.dropped_captions == 1
    assert outbox.take() == caption(0, "final")
    assert outbox.take() == caption(2, "partial")


def test_a_message_that_does_not_fit_is_refused() -> None:
    outbox = Outbox()
    assert all(outbox.put(caption(segment, "final")) for segment in range(MAX_MESSAGES))
    assert not outbox.put(caption(MAX_MESSAGES, "final"))
    assert len(outbox) == MAX_MESSAGES
    assert outbox.dropped_captions == 0


def test_a_new_partial_replaces_an_older_one_when_full() -> None:
    outbox = Outbox()
    for segment in range(MAX_MESSAGES):
        outbox.put(caption(segment, "final" if segment else "partial"))
    assert outbox.put(caption(MAX_MESSAGES, "partial"))
    assert outbox.take() == caption(1, "final")
