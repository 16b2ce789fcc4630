"""What an offer says before its first section counts for its sections."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import pytest

from signaling.errors import ProtocolError
from signaling.offer import MAX_OFFER_BYTES, MAX_SECTIONS, check

OFFER = (Path(__file__).parent / "offers" / "chromium_sendonly.sdp").read_bytes().decode()
ONE, TWO, THREE = (f"a=fingerprint:sha-256 {':'.join([byte] * 32)}" for byte in ("A1", "B2", "C3"))


def offer(session: Sequence[str], section: Sequence[str]) -> str:
    """Chromium's, with these lines in place of its fingerprint."""
    lines = [line for line in OFFER.splitlines() if not line.startswith("a=fingerprint:")]
    start = next(number for number, line in enumerate(lines) if line.startswith("m="))
    return "\r\n".join([*lines[:start], *session, *lines[start:], *section, ""])


@pytest.mark.parametrize(
    ("session", "section", "taken"),
    [
        ([ONE], [], [ONE]),
        ([ONE, TWO], [], [ONE, TWO]),
        ([ONE], [TWO], [TWO]),
        ([ONE], [TWO, THREE], [TWO, THREE]),
    ],
)
def test_a_section_s_own_fingerprints_replace_the_session_s(
    session: list[str], section: list[str], taken: list[str]
) -> None:
    checked = check(offer(session, section), "sendonly")
    assert [line for line in checked.splitlines() if line.startswith("a=fingerprint:")] == taken


def test_many_lines_of_the_session_cost_no_more_with_many_sections() -> None:
    """No token has been looked at yet, and the clock waits."""
    sections = ["m=x 0 R 0"] * (MAX_SECTIONS - 1) + ["m=audio 9 RTP/SAVPF 111"]
    room = MAX_OFFER_BYTES - len("\n".join(["v=0", *sections, ""]))
    session = ["a=mid:a"] * (room // len("a=mid:a\n"))
    few, many = (
        calls("\n".join(["v=0", *session, *taken, ""])) for taken in (sections[-1:], sections)
    )
    assert many - few < 20 * MAX_SECTIONS < len(session) < few


def calls(sdp: str) -> int:
    """How many functions are called while an offer is checked that is refused."""
    count, former = 0, sys.getprofile()

    def profile(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        check(sdp, "recvonly")
    except ProtocolError:
        return count
    finally:
        sys.setprofile(former)
    raise AssertionError("the offer was taken")
