"""Bytes from elsewhere that make no sense."""

import msgspec
import pytest

from server.decoding import understood


@pytest.mark.parametrize(
    "data", [b"", b"{", b'["\xff"]', b"[" * 50_000], ids=["empty", "cut", "no UTF-8", "nested"]
)
def test_json_that_makes_no_sense_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        understood(msgspec.json.Decoder(list[object]), data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x91\xa1\xff", b"\x91" * 50_000],
    ids=["empty", "no MessagePack", "no UTF-8", "nested"],
)
def test_messagepack_that_makes_no_sense_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        understood(msgspec.msgpack.Decoder(list[object]), data)
