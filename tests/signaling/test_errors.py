from typing import get_args

import pytest

from signaling.errors import CLOSE_CODES, ProtocolError, excerpt
from signaling.messages import Error, ErrorCode


def test_every_error_has_a_close_code_of_its_own() -> None:
    assert set(CLOSE_CODES) == set(get_args(ErrorCode))
    assert len(set(CLOSE_CODES.values())) == len(CLOSE_CODES)


def test_close_codes_are_standard_or_reserved_for_applications() -> None:
    assert all(code in (1009, 1011, 1013) or 4400 <= code <= 4499 for code in CLOSE_CODES.values())


def test_an_error_is_converted_to_a_message() -> None:
    error = ProtocolError("limit", "full", retry_after_s=3.0)
    assert error.as_message() == Error(code="limit", message="full", retry_after_s=3.0)
    assert error.close_code == 4429


def test_an_error_can_be_nonfatal() -> None:
    error = ProtocolError("unknown_channel", "none such").as_fatal(False)
    assert error.as_message() == Error(code="unknown_channel", message="none such", fatal=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("nl", '"nl"'), ("a" * 61, f'"{"a" * 60}…"'), ("a\x1b[2J\n", '"a\\x1b[2J\\n"')],
)
def test_input_is_quoted_shortened_and_printable(text: str, shown: str) -> None:
    assert excerpt(text) == shown
