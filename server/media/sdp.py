"""Reads an SDP offer and writes the answer (RFC 8829, 5.3; RFC 3264).

- The offer is one that ``signaling.offer`` has checked and rebuilt. Nothing is checked again.
- One audio section is accepted. Every other section is answered with port 0, which rejects only
  that section.
- Candidates and header extensions are ignored: the server sends no checks to a client's
  candidates, and packets without extensions are smaller.
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

_FINGERPRINTS: Final = ("sha-256", "sha-384", "sha-512")
_RTPMAP: Final = re.compile(r"([0-9]{1,3}) (opus|red)/48000/2", re.IGNORECASE)
_NO_PORT: Final = 9

#: The a= lines of a section, or of the session, as names and values.
_Attributes = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Section:
    """One m= line: its ``kind``, ``profile`` and ``formats`` as written; its ``mid``; whether it
    is audio that is offered (not port 0); its lines about the formats."""

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


def read(sdp: str) -> Offer:
    """Read a checked offer."""
    (_, session), *media = _blocks(sdp)
    sections = tuple(_section(*block) for block in media)
    audio = next(number for number, each in enumerate(sections) if each.offered)
    attributes = session + media[audio][1]
    values = dict(attributes)
    types = _payload_types(attributes, sections[audio].formats.split())
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
    kind, port, profile, formats = line.removeprefix("m=").split(" ", 3)
    values = dict(attributes)
    offered = kind == "audio" and port != "0"
    told = tuple(f"a={name}:{value}" for name, value in attributes if name in ("rtpmap", "fmtp"))
    return Section(kind, profile, formats, values.get("mid"), offered, told)


def _fingerprints(attributes: _Attributes) -> list[RTCDtlsFingerprint]:
    found = (value.partition(" ") for name, value in attributes if name == "fingerprint")
    return [
        RTCDtlsFingerprint(algorithm, value)
        for algorithm, _, value in found
        if algorithm.lower() in _FINGERPRINTS
    ]


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
    lines += _ice(answer.username, answer.password, answer.candidates)
    lines += [f"a=fingerprint:{each.algorithm} {each.value}" for each in answer.fingerprints]
    lines.append(f"a=setup:{'passive' if offer.is_dtls_client else 'active'}")
    return lines


def _ice(username: str, password: str, candidates: Sequence[Candidate]) -> list[str]:
    lines = [f"a=candidate:{candidate.to_sdp()}" for candidate in candidates]
    return [*lines, "a=end-of-candidates", f"a=ice-ufrag:{username}", f"a=ice-pwd:{password}"]


def fragment(offer: Offer, username: str, password: str, candidates: Sequence[Candidate]) -> str:
    """What an ICE restart changes of the answer to ``offer``, as an SDP fragment (RFC 8840, 9)."""
    section = offer.sections[offer.audio]
    lines = [f"m=audio {_NO_PORT} {section.profile} {offer.opus}"]
    if section.mid is not None:
        lines.append(f"a=mid:{section.mid}")
        if offer.bundled:
            lines.insert(0, f"a=group:BUNDLE {section.mid}")
    return "\r\n".join([*lines, *_ice(username, password, candidates)]) + "\r\n"
