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


def with_opus_parameters(sdp: str) -> str:
    return re.sub(r"(a=rtpmap:(\d+) opus/[^\r]*\r\n)", rf"\1a=fmtp:\2 {OPUS_PARAMETERS}\r\n", sdp)
