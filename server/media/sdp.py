"""Reads an SDP offer and writes the answer (RFC 8829, 5.3; RFC 3264).

- One audio section is accepted. Every other section is answered with port 0, which rejects only
  that section.
- Candidates and header extensions are ignored: the server sends no checks to a client's
  candidates, and packets without extensions are smaller.
- Limits on what a client may send are checked before: see ``signaling.offer``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aioice import Candidate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint

#: What the answer asks of the sender's Opus encoder (RFC 7587): in-band FEC, no DTX, mono,
#: 40 kbit/s.
OPUS_PARAMETERS: Final = "minptime=10;useinbandfec=1;usedtx=0;stereo=0;maxaveragebitrate=40000"

#: RFC 8839, 5.4.
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT: Final = re.compile(r"(\S+) ([0-9A-Fa-f:]+)")
_FINGERPRINTS: Final = ("sha-256", "sha-384", "sha-512")
_MEDIA: Final = re.compile(r"m=(\S+) ([0-9]+)(?:/[0-9]+)? (\S+) (\S.*)")
#: RFC 8829, 5.1.2: all of these profiles are to be accepted, and mean the same.
_PROFILE: Final = re.compile(r"(UDP/TLS/)?RTP/SAVPF?")
_RTPMAP: Final = re.compile(r"([0-9]{1,3}) (opus|red)/48000/2", re.IGNORECASE)
_DIRECTIONS: Final = ("sendonly", "recvonly", "sendrecv", "inactive")
_NO_PORT: Final = 9

#: The a= lines of a section, or of the session, as names and values.
_Attributes = list[tuple[str, str]]


class OfferError(Exception):
    """The offer cannot be accepted; the message says why. The participant's fault."""


@dataclass(frozen=True, slots=True)
class Section:
    """One m= line: its ``kind``, ``profile`` and ``formats`` as written; its ``mid``; whether it
    is offered, or rejected already (port 0); its lines about the formats."""

    kind: str
    profile: str
    formats: str
    mid: str | None
    offered: bool
    formats_told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """``audio``: the index of the accepted one of ``sections``. ``username`` and ``password`` are
    for ICE. ``is_dtls_client``: the participant will be the DTLS client. ``opus`` and ``red``:
    payload types."""

    sections: tuple[Section, ...]
    audio: int
    bundled: bool
    username: str
    password: str
    fingerprints: list[RTCDtlsFingerprint]
    is_dtls_client: bool
    opus: int
    red: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """This end. ``direction`` is as in the answer's SDP; ``cname`` is that of ``ssrc``, under
    which this end sends. ``red_first``: RED is preferred to Opus alone."""

    direction: str
    username: str
    password: str
    candidates: Sequence[Candidate]
    fingerprints: Sequence[RTCDtlsFingerprint]
    ssrc: int
    cname: str
    red_first: bool


def read(sdp: str, *, sends: bool, receives: bool) -> Offer:
    """Read an offer. ``sends`` and ``receives`` say what this end is to do. Raises OfferError."""
    (_, session), *media = _blocks(sdp)
    sections = tuple(_section(*block) for block in media)
    audio = next((number for number, each in enumerate(sections) if _acceptable(each)), None)
    if audio is None:
        raise OfferError("an offer needs a section of audio over RTP; this one has none")
    attributes = session + media[audio][1]
    values = dict(attributes)
    if problem := _problem(values):
        raise OfferError(problem)
    direction = next((name for name in _DIRECTIONS if name in values), "sendrecv")
    if sends and direction not in ("recvonly", "sendrecv"):
        raise OfferError(f"to listen, the audio section must be recvonly; it is {direction}")
    if receives and direction not in ("sendonly", "sendrecv"):
        raise OfferError(f"to speak, the audio section must be sendonly; it is {direction}")
    types = _payload_types(attributes, sections[audio].formats.split())
    if "opus" not in types:
        raise OfferError("the audio section does not offer Opus")
    return Offer(
        sections=sections,
        audio=audio,
        bundled=values.get("group", "").startswith("BUNDLE"),
        username=values["ice-ufrag"],
        password=values["ice-pwd"],
        fingerprints=_fingerprints(attributes),
        is_dtls_client=values["setup"] == "active",
        opus=types["opus"],
        red=types.get("red"),
    )


def _blocks(sdp: str) -> list[tuple[str, _Attributes]]:
    """The attributes of the session (after an empty string), then each section's (after its m=
    line)."""
    blocks: list[tuple[str, _Attributes]] = [("", [])]
    for line in re.split(r"\r?\n", sdp):
        if line.startswith("m="):
            blocks.append((line, []))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            blocks[-1][1].append((name, value))
    return blocks


def _section(line: str, attributes: _Attributes) -> Section:
    found = _MEDIA.fullmatch(line)
    if found is None:
        raise OfferError(f"this is not SDP: {line[:80]!r}")
    kind, port, profile, formats = found.groups()
    values = dict(attributes)
    offered = int(port) > 0 or "bundle-only" in values
    told = tuple(f"a={name}:{value}" for name, value in attributes if name in ("rtpmap", "fmtp"))
    return Section(kind, profile, formats, values.get("mid"), offered, told)


def _acceptable(section: Section) -> bool:
    is_audio = section.kind == "audio" and section.offered
    return is_audio and _PROFILE.fullmatch(section.profile) is not None


def _problem(values: dict[str, str]) -> str:
    if not _UFRAG.fullmatch(values.get("ice-ufrag", "")):
        return "the audio section lacks a valid a=ice-ufrag"
    if not _PASSWORD.fullmatch(values.get("ice-pwd", "")):
        return "the audio section lacks a valid a=ice-pwd"
    if values.get("setup") not in ("actpass", "active", "passive"):
        return "the audio section lacks a valid a=setup"
    if "fingerprint" not in values:
        return "the audio section lacks a=fingerprint"
    if "rtcp-mux" not in values:
        return "the audio section lacks a=rtcp-mux"
    return ""


def _fingerprints(attributes: _Attributes) -> list[RTCDtlsFingerprint]:
    found = [
        RTCDtlsFingerprint(*match.groups())
        for name, value in attributes
        if name == "fingerprint" and (match := _FINGERPRINT.fullmatch(value))
    ]
    known = [each for each in found if each.algorithm.lower() in _FINGERPRINTS]
    if not known:
        raise OfferError(f"a=fingerprint: none of it is of {', '.join(_FINGERPRINTS)}")
    return known


def _payload_types(attributes: _Attributes, formats: Sequence[str]) -> dict[str, int]:
    """The payload types of Opus and of RED."""
    types: dict[str, int] = {}
    for name, value in attributes:
        if name == "rtpmap" and (found := _RTPMAP.fullmatch(value)) and found[1] in formats:
            types.setdefault(found[2].lower(), int(found[1]))
    return types


def written(offer: Offer, answer: Answer) -> str:
    """The answer's SDP, with all candidates. It asks for OPUS_PARAMETERS, and for NACK, which
    browsers do not offer for audio but accept."""
    mid = offer.sections[offer.audio].mid
    lines = ["v=0", f"o=- {answer.ssrc} 2 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if offer.bundled and mid is not None:
        lines.append(f"a=group:BUNDLE {mid}")
    lines.append("a=msid-semantic:WMS *")
    for number, section in enumerate(offer.sections):
        lines += _accepted(offer, answer) if number == offer.audio else _rejected(section)
    return "\r\n".join(lines) + "\r\n"


def _rejected(section: Section) -> list[str]:
    mid = [] if section.mid is None else [f"a=mid:{section.mid}"]
    line = f"m={section.kind} 0 {section.profile} {section.formats}"
    return [line, "c=IN IP4 0.0.0.0", "a=inactive", *mid, *section.formats_told]


def _accepted(offer: Offer, answer: Answer) -> list[str]:
    section, opus, red = offer.sections[offer.audio], offer.opus, offer.red
    types = [opus] if red is None else [red, opus] if answer.red_first else [opus, red]
    default = answer.candidates[0] if answer.candidates else None
    host, port = (default.host, default.port) if default else ("0.0.0.0", _NO_PORT)
    lines = [
        f"m=audio {port} {section.profile} {' '.join(map(str, types))}",
        f"c=IN IP{6 if ':' in host else 4} {host}",
        f"a={answer.direction}",
    ]
    if section.mid is not None:
        lines.append(f"a=mid:{section.mid}")
    if answer.direction != "recvonly":
        lines += [
            f"a=msid:{answer.cname} {answer.cname}-audio",
            f"a=ssrc:{answer.ssrc} cname:{answer.cname}",
        ]
    lines += ["a=rtcp:9 IN IP4 0.0.0.0", "a=rtcp-mux"]
    lines += [f"a=rtpmap:{opus} opus/48000/2", f"a=fmtp:{opus} {OPUS_PARAMETERS}"]
    lines.append(f"a=rtcp-fb:{opus} nack")
    if red is not None:
        lines += [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]
    lines += [f"a=candidate:{candidate.to_sdp()}" for candidate in answer.candidates]
    lines += ["a=end-of-candidates", f"a=ice-ufrag:{answer.username}"]
    lines.append(f"a=ice-pwd:{answer.password}")
    lines += [f"a=fingerprint:{each.algorithm} {each.value}" for each in answer.fingerprints]
    lines.append(f"a=setup:{'passive' if offer.is_dtls_client else 'active'}")
    return lines
