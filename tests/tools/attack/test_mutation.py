import json

from tools.attack.mutation import Mutator
from tools.attack.nonsense import stranger

SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"
JOIN = {"type": "join", "language": "nl"}


def wrongs(seed: int) -> list[object]:
    mutator = Mutator(seed)
    return [
        [
            mutator.data(bytes(40)),
            mutator.lines(SDP),
            mutator.message(JOIN),
            stranger("us:them", mutator),
        ]
        for _ in range(200)
    ]


def test_the_same_seed_makes_the_same_mutations() -> None:
    assert wrongs(1) == wrongs(1)
    assert wrongs(1) != wrongs(2)


def test_nearly_all_mutations_change_something_and_few_are_equal() -> None:
    mutator = Mutator(3)
    lines = [mutator.lines(SDP) for _ in range(1000)]
    assert lines.count(SDP) < 50
    messages = [mutator.message(JOIN) for _ in range(1000)]
    assert messages.count(json.dumps(JOIN)) < 50
    assert min(len(set(lines)), len(set(messages))) > 100


def test_texts_too_short_to_mutate_are_kept() -> None:
    mutator = Mutator(1)
    assert {mutator.data(b"") for _ in range(100)} == {b""}


def test_a_single_byte_is_mutated_in_many_ways() -> None:
    mutator = Mutator(1)
    assert len({mutator.data(b"x") for _ in range(100)}) > 20
