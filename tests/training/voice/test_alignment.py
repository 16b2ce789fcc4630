from training.voice.alignment import PAUSE, Segment, Unit, align


def cost(wanted: str, spoken: str) -> float:
    if wanted == spoken:
        return 0.0
    return 3.0 if PAUSE in (wanted, spoken) else 1.2


def units(phonemes: str) -> list[Unit]:
    return [
        Unit(PAUSE, index, index + 1, skip_cost=0.1) if phoneme == " " else
        Unit(phoneme, index, index + 1)
        for index, phoneme in enumerate(phonemes)
    ]  # fmt: skip


def segments(phones: str, each_s: float = 0.1) -> list[Segment]:
    return [
        Segment(phone, index * each_s, (index + 1) * each_s) for index, phone in enumerate(phones)
    ]


def rounded(durations_s: list[float]) -> list[float]:
    return [round(duration_s, 6) for duration_s in durations_s]


def test_equal_sequences_keep_their_times() -> None:
    timing = align(units("hallo"), segments("hallo"), cost, 5)
    assert timing is not None
    assert rounded(timing.durations_s) == [0.1] * 5
    assert timing.lead_s == 0.0


def test_silence_before_the_first_phoneme_is_the_lead() -> None:
    timing = align(units("hallo"), segments("|hallo"), cost, 5)
    assert timing is not None
    assert round(timing.lead_s, 6) == 0.1
    assert rounded(timing.durations_s) == [0.1] * 5


def test_a_pause_falls_to_the_space_between_two_words() -> None:
    timing = align(units("ja nee"), segments("ja|nee"), cost, 6)
    assert timing is not None
    assert rounded(timing.durations_s) == [0.1] * 6


def test_a_space_without_a_pause_takes_no_time() -> None:
    timing = align(units("ja nee"), segments("janee"), cost, 6)
    assert timing is not None
    assert rounded(timing.durations_s) == [0.1, 0.1, 0.0, 0.1, 0.1, 0.1]


def test_a_phone_that_piper_does_not_have_lengthens_the_one_before() -> None:
    timing = align(units("hallo"), segments("halxlo"), cost, 5)
    assert timing is not None
    assert rounded(timing.durations_s) == [0.1, 0.1, 0.2, 0.1, 0.1]


def test_a_unit_of_two_phonemes_shares_its_time_between_them() -> None:
    spoken = [Segment("ay", 0.0, 0.3), Segment("s", 0.3, 0.4)]
    timing = align([Unit("ay", 0, 2), Unit("s", 2, 3)], spoken, cost, 3)
    assert timing is not None
    assert rounded(timing.durations_s) == [0.15, 0.15, 0.1]


def test_marks_outside_every_unit_take_no_time() -> None:
    timing = align([Unit("a", 1, 2)], segments("a"), cost, 2)
    assert timing is not None
    assert rounded(timing.durations_s) == [0.0, 0.1]


def test_all_of_the_speech_is_given_away() -> None:
    timing = align(units("een kleine zin"), segments("|een|klijne|zin|"), cost, 14)
    assert timing is not None
    assert round(timing.lead_s + sum(timing.durations_s), 6) == 1.6


def test_speech_that_says_something_else_is_refused() -> None:
    assert align(units("goedemorgen"), segments("welterusten"), cost, 11) is None
