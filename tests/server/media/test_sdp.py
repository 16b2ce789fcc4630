"""Parsing of offers, and answers. See also tests/signaling."""

from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
from aioice import Candidate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from aiortc.sdp import SessionDescription

from server.media.sdp import OPUS_PARAMETERS, Answer, read, written
from signaling.errors import ProtocolError
from signaling.offer import Direction, check

OFFERS = Path(__file__).parents[2] / "signaling" / "offers"
RECVONLY = (OFFERS / "chromium_recvonly.sdp").read_text()
SENDONLY = (OFFERS / "chromium_sendonly.sdp").read_text()
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=sendrecv\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
)
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\n"


def answered(offer: str, red_first: bool = False) -> str:
    """The answer to an offer of one who listens."""
    return written(
        read(offer),
        Answer(
            direction="sendonly",
            username="user",
            password="p" * 22,
            candidates=[Candidate("1", 1, "udp", 1, "192.0.2.1", 5000, "host")],
            fingerprints=[RTCDtlsFingerprint("sha-256", "AA:BB")],
            ssrc=7,
            cname="tolk",
            red_first=red_first,
        ),
    )


@pytest.mark.parametrize("offer", [RECVONLY, SENDONLY], ids=["recvonly", "sendonly"])
def test_a_browser_s_offer_is_parsed(offer: str) -> None:
    found = read(offer)
    assert (found.opus, found.red, found.bundled) == (111, 63, True)
    assert [each.algorithm for each in found.fingerprints] == ["sha-256"]
    assert found.sections[0].mid == "0"


@pytest.mark.parametrize("file", sorted(OFFERS.iterdir()), ids=lambda file: file.stem)
def test_whatever_signaling_accepts_can_be_read(file: Path) -> None:
    lines = file.read_bytes().decode().split("\n")
    direction = cast(Direction, file.stem.rpartition("_")[2])
    accepted = 0
    for left_out in range(len(lines)):
        with suppress(ProtocolError):
            checked = check("\n".join(lines[:left_out] + lines[left_out + 1 :]), direction)
            assert read(checked).fingerprints
            accepted += 1
    assert accepted


def test_the_answer_asks_for_opus_settings_for_recognition() -> None:
    answer = answered(RECVONLY)
    assert f"opus/48000/2\r\na=fmtp:111 {OPUS_PARAMETERS}\r\n" in answer
    assert OPUS_PARAMETERS == (
        "minptime=10;useinbandfec=1;usedtx=0;stereo=0;maxaveragebitrate=40000"
    )


def test_the_answer_accepts_nack() -> None:
    assert "a=rtcp-fb:111 nack\r\n" in answered(RECVONLY)


@pytest.mark.parametrize(("red_first", "types"), [(True, "63 111"), (False, "111 63")])
def test_the_answer_accepts_red_if_it_was_offered(red_first: bool, types: str) -> None:
    answer = answered(RECVONLY, red_first)
    assert f"SAVPF {types}\r\n" in answer
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in answer
    assert "red/" not in answered(RECVONLY.replace("red/48000/2", "red/8000"))


@pytest.mark.parametrize(
    ("setup", "answer"), [("actpass", "active"), ("passive", "active"), ("active", "passive")]
)
def test_one_side_is_the_dtls_client(setup: str, answer: str) -> None:
    assert f"a=setup:{answer}\r\n" in answered(RECVONLY.replace("setup:actpass", f"setup:{setup}"))


@pytest.mark.parametrize(("before", "after"), [("", VIDEO + DATA), (VIDEO, DATA), (DATA, "")])
def test_all_sections_but_one_of_audio_are_answered_with_port_0(before: str, after: str) -> None:
    start = RECVONLY.index("m=audio")
    offer = RECVONLY[:start] + before + RECVONLY[start:] + after
    offer = offer.replace("BUNDLE 0", "BUNDLE 0 v d")
    answer = answered(offer)
    read_back = SessionDescription.parse(answer)
    assert [(each.kind, each.port) for each in read_back.media] == [
        (each.kind, 5000 if each.kind == "audio" else 0)
        for each in SessionDescription.parse(offer).media
    ]
    assert "a=group:BUNDLE 0\r\n" in answer
    for name in ("v", "d"):
        assert (f"a=mid:{name}" in answer) == (f"a=mid:{name}" in offer)


def test_of_two_audio_sections_the_first_is_accepted() -> None:
    second = RECVONLY[RECVONLY.index("m=audio") :].replace("a=mid:0", "a=mid:1")
    ports = [each.port for each in SessionDescription.parse(answered(RECVONLY + second)).media]
    assert ports == [5000, 0]


@pytest.mark.parametrize("profile", ["RTP/SAVPF", "UDP/TLS/RTP/SAVP"])
def test_an_older_rtp_profile_is_answered_with_itself(profile: str) -> None:
    answer = answered(RECVONLY.replace("UDP/TLS/RTP/SAVPF", profile))
    assert f"m=audio 5000 {profile} 111 63\r\n" in answer


def test_session_attributes_apply_to_the_audio_section() -> None:
    fingerprint = next(line for line in RECVONLY.splitlines() if line.startswith("a=fingerprint"))
    offer = RECVONLY.replace(fingerprint + "\r\n", "").replace(
        "t=0 0\r\n", f"t=0 0\r\n{fingerprint}\r\n"
    )
    assert len(read(offer).fingerprints) == 1
