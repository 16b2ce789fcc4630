"""Offers, real and odd, as far as media must understand them: see also tests/signaling."""

from pathlib import Path

import pytest

from server.media.sdp import OPUS_PARAMETERS, OfferError, checked_offer, with_opus_parameters

OFFERS = Path(__file__).parents[2] / "signaling" / "offers"
RECVONLY = (OFFERS / "chromium_recvonly.sdp").read_text()
SENDONLY = (OFFERS / "chromium_sendonly.sdp").read_text()


def test_candidates_never_reach_aiortc() -> None:
    candidate = "a=candidate:1 1 udp 2113937151 {} 5000 typ host\r\n"
    addresses = ["10.0.0.1", "192.168.1.1", "c0ffee-1.local"]
    offer = RECVONLY + "".join(map(candidate.format, addresses)) + "a=end-of-candidates\r\n"
    checked = checked_offer(offer, sends=True, receives=False)
    assert "candidate" not in checked
    assert not any(address in checked for address in addresses)


@pytest.mark.parametrize(
    ("offer", "sends", "receives"),
    [(RECVONLY, True, False), (SENDONLY, False, True)],
    ids=["recvonly", "sendonly"],
)
def test_a_browsers_offer_is_taken(offer: str, sends: bool, receives: bool) -> None:
    assert checked_offer(offer, sends=sends, receives=receives)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("m=audio", "m=video", "exactly one section"),
        ("opus/48000", "speex/48000", "Opus"),
        ("a=ice-ufrag", "a=x", "ice-ufrag"),
        ("a=ice-pwd:", "a=ice-pwd:é", "ice-pwd"),
        ("a=fingerprint", "a=x", "fingerprint"),
        ("a=setup:actpass", "a=setup:holdconn", "not SDP"),
        ("a=setup:actpass", "a=x", "setup"),
        ("a=rtcp-mux", "a=x", "rtcp-mux"),
        ("a=recvonly", "a=sendonly", "recvonly"),
        ("a=recvonly", "a=x", "recvonly"),
        ("a=fmtp:111", "a=fmtp:17", "not SDP"),
        ("a=rtpmap:111", "a=rtpmap:eleven", "not SDP"),
        ("s=-", "s=\ud800", "not SDP"),
        ("c=IN IP4 0.0.0.0", "c=IN", "not SDP"),
    ],
)
def test_an_odd_offer_is_refused_with_its_reason(old: str, new: str, says: str) -> None:
    offer = RECVONLY.replace(old, new)
    assert offer != RECVONLY
    with pytest.raises(OfferError, match=says):
        checked_offer(offer, sends=True, receives=False)


@pytest.mark.parametrize("offer", ["", "v=0", "hello", "\0" * 100, "m=audio", "a=group:BUNDLE"])
def test_what_is_not_an_offer_is_refused(offer: str) -> None:
    with pytest.raises(OfferError):
        checked_offer(offer, sends=True, receives=False)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_half_an_offer_is_refused(share: float) -> None:
    with pytest.raises(OfferError):
        checked_offer(RECVONLY[: int(len(RECVONLY) * share)], sends=True, receives=False)


def test_the_answer_asks_the_encoder_for_what_recognition_wants() -> None:
    answer = with_opus_parameters("a=mid:0\r\na=rtpmap:109 opus/48000/2\r\na=ice-ufrag:x\r\n")
    assert f"opus/48000/2\r\na=fmtp:109 {OPUS_PARAMETERS}\r\na=ice-ufrag" in answer
    assert "usedtx=0" in OPUS_PARAMETERS and "useinbandfec=1" in OPUS_PARAMETERS
