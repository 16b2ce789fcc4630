import pytest

from server.media.red import MAX_BEFORE, MAX_COPY_BYTES, Block, packed, unpacked

#: RFC 2198, 5: primary of 960 samples on, one copy.
ONE_COPY = bytes([0x80 | 111, 0x0F, 0x00, 0x03, 111]) + b"old" + b"new!"


def test_the_format_is_that_of_the_rfc() -> None:
    assert packed(111, [(960, b"old")], b"new!") == ONE_COPY


@pytest.mark.parametrize(
    "copies",
    [
        [],
        [(960, b"old")],
        [(1920, b"older"), (960, b"old")],
        [(MAX_BEFORE, b"x" * MAX_COPY_BYTES), (960, b"")],
    ],
)
def test_packed_blocks_are_unpacked(copies: list[tuple[int, bytes]]) -> None:
    expected = [Block(111, before, data) for before, data in copies]
    assert unpacked(packed(111, copies, b"own")) == [*expected, Block(111, 0, b"own")]


@pytest.mark.parametrize(
    "payload", [b"", ONE_COPY[:1], ONE_COPY[:3], ONE_COPY[:4], ONE_COPY[:7], b"\xff" * 40]
)
def test_truncated_packets_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(payload)
