"""Offers, real and odd, as far as media must understand them: see also tests/signaling."""

from pathlib import Path

import pytest

from server.media.sdp import OPUS_PARAMETERS, OfferError, checked_offer, completed, red_type

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


ANSWER = (
    "m=audio 5000 UDP/TLS/RTP/SAVPF 109\r\na=mid:0\r\n"
    "a=rtpmap:109 opus/48000/2\r\na=ice-ufrag:x\r\n"
)


def test_the_answer_asks_the_encoder_for_what_recognition_wants() -> None:
    answer = completed(ANSWER, None, red_first=True)
    assert f"opus/48000/2\r\na=fmtp:109 {OPUS_PARAMETERS}\r\n" in answer
    assert answer.endswith("a=ice-ufrag:x\r\n")
    assert OPUS_PARAMETERS == (
        "minptime=10;useinbandfec=1;usedtx=0;stereo=0;maxaveragebitrate=40000"
    )


def test_the_answer_asks_to_be_asked_for_what_is_lost() -> None:
    assert "a=rtcp-fb:109 nack\r\n" in completed(ANSWER, None, red_first=False)


@pytest.mark.parametrize(("red_first", "types"), [(True, "63 109"), (False, "109 63")])
def test_the_answer_takes_red_where_it_was_offered(red_first: bool, types: str) -> None:
    answer = completed(ANSWER, 63, red_first=red_first)
    assert f"SAVPF {types}\r\n" in answer
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 109/109\r\n" in answer
    assert "red/" not in completed(ANSWER, None, red_first=red_first)


def test_red_is_found_in_a_browsers_offer() -> None:
    assert red_type(RECVONLY) == 63
    assert red_type(RECVONLY.replace("red/48000/2", "red/8000")) is None
