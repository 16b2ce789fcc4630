"""What of an offer aiortc gets to see, and what we add to its answer."""

import re

from aiortc.exceptions import (
    InternalError,
    InvalidAccessError,
    InvalidStateError,
    OperationError,
)
from aiortc.sdp import MediaDescription, SessionDescription

#: What we ask of the sender's Opus encoder (RFC 7587): redundancy against loss, no silence
#: left out, one channel, 40 kbit/s.
OPUS_PARAMETERS = "minptime=10;useinbandfec=1;usedtx=0;stereo=0;maxaveragebitrate=40000"

#: Lines of an offer that aiortc never sees. Without header extensions packets are smaller, and
#: with one audio section none is needed.
_STRIPPED = ("a=candidate:", "a=end-of-candidates", "a=extmap:")
#: RFC 8839, 5.4.
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
#: What aiortc is known to raise on odd SDP.
SDP_ERRORS = (
    ValueError,
    LookupError,
    AttributeError,
    AssertionError,
    TypeError,
    StopIteration,
    InternalError,
    InvalidAccessError,
    InvalidStateError,
    OperationError,
)


class OfferError(Exception):
    """The offer cannot be taken; the message says why. The participant's fault."""


def checked_offer(offer: str, *, sends: bool, receives: bool) -> str:
    """The offer without the lines that aiortc shall not see, when it is one we can answer."""
    lines = [line for line in offer.splitlines() if not line.startswith(_STRIPPED)]
    stripped = "\r\n".join(lines) + "\r\n"
    try:
        stripped.encode()
        media = SessionDescription.parse(stripped).media
    except SDP_ERRORS as exc:
        raise OfferError(f"this is not SDP: {said(exc)}") from exc
    if [section.kind for section in media] != ["audio"]:
        kinds = ", ".join(section.kind for section in media) or "none"
        raise OfferError(f"an offer has exactly one section, of audio; this one has: {kinds}")
    problem = _problem(media[0], sends=sends, receives=receives)
    if problem:
        raise OfferError(problem)
    return stripped


def _problem(audio: MediaDescription, *, sends: bool, receives: bool) -> str | None:
    if audio.ice is None or not (
        _UFRAG.fullmatch(audio.ice.usernameFragment or "")
        and _PASSWORD.fullmatch(audio.ice.password or "")
    ):
        return "the audio section lacks a valid a=ice-ufrag or a=ice-pwd"
    if audio.dtls is None or not audio.dtls.fingerprints:
        return "the audio section lacks a=setup or a=fingerprint"
    if not audio.rtcp_mux:
        return "the audio section lacks a=rtcp-mux"
    if not any(codec.mimeType.lower() == "audio/opus" for codec in audio.rtp.codecs):
        return "the audio section does not offer Opus"
    if sends and audio.direction not in ("recvonly", "sendrecv"):
        return f"to listen, the audio section must be recvonly; it is {audio.direction}"
    if receives and audio.direction not in ("sendonly", "sendrecv"):
        return f"to speak, the audio section must be sendonly; it is {audio.direction}"
    return None


def said(exc: BaseException) -> str:
    return (str(exc) or type(exc).__name__)[:200]


def red_type(offer: str) -> int | None:
    """The payload type of RED (RFC 2198) in an offer; None where there is none."""
    found = re.search(r"^a=rtpmap:(\d+) red/48000/2\r?$", offer, re.MULTILINE)
    return int(found[1]) if found else None


def completed(answer: str, red: int | None, *, red_first: bool) -> str:
    """aiortc's answer, with what it does not know: what we ask of the sender's Opus, that what
    is lost be asked for again (which browsers do not offer and take all the same), and RED of
    Opus. A browser sends what is named first."""
    named = re.search(r"a=rtpmap:(\d+) opus/[^\r]*\r\n", answer)
    assert named is not None
    opus = named[1]
    lines = [f"a=fmtp:{opus} {OPUS_PARAMETERS}", f"a=rtcp-fb:{opus} nack"]
    types = opus
    if red is not None:
        lines += [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]
        types = f"{red} {opus}" if red_first else f"{opus} {red}"
    answer = answer.replace(named[0], named[0] + "".join(f"{line}\r\n" for line in lines))
    return re.sub(rf"(m=audio \d+ \S+) {opus}\r", rf"\1 {types}\r", answer)
