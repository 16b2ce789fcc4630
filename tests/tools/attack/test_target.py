from io import BytesIO

import pytest

from tools.attack.half_open import _most_at_once
from tools.attack.target import _faults

LOG = b"""2026-01-01 10:00:00,000 WARNING server.media.peer: a connection did not close
2026-01-01 10:00:01,000 INFO aiohttp.web: an ERROR that is only spoken of
"""


@pytest.mark.parametrize(
    "fault",
    [
        b"2026-01-01 10:00:02,000 ERROR asyncio: Task exception was never retrieved\n",
        b"2026-01-01 10:00:02,000 WARNING aiortc: RTCDtlsTransport Traceback (most recent call\n",
        b"Traceback (most recent call last):\n",
    ],
)
def test_an_exception_in_the_log_is_found(fault: bytes) -> None:
    assert _faults(BytesIO(LOG)) == 0
    assert _faults(BytesIO(LOG + fault + LOG)) == 1


def test_simultaneous_offers_are_counted() -> None:
    assert _most_at_once([]) == 0
    assert _most_at_once([(0, 3), (1, 4), (2, 9), (4, 9)]) == 3
    assert _most_at_once([(0, 3.1), (3, 6)]) == 1, "one took the other's place"
