"""An offer as media reads it, once, and the answer to it (RFC 8829, 5.3; RFC 3264).

- One section of audio is taken. Every other section is answered with port 0, which refuses it
  and nothing else.
- Candidates and header extensions are not read: the server probes nobody, and without
  extensions packets are smaller.
- What an offer may hold that comes from outside is judged before: see ``signaling.offer``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aioice import Candidate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint

#: What we ask of the sender's Opus encoder (RFC 7587): redundancy against loss, no silence
#: left out, one channel, 40 kbit/s.
OPUS_PARAMETERS: Final = "minptime=10;useinbandfec=1;usedtx=0;stereo=0;maxaveragebitrate=40000"

#: RFC 8839, 5.4.
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT: Final = re.compile(r"(\S+) ([0-9A-Fa-f:]+)")
_FINGERPRINTS: Final = ("sha-256", "sha-384", "sha-512")
_MEDIA: Final = re.compile(r"m=(\S+) ([0-9]+)(?:/[0-9]+)? (\S+) (\S.*)")
#: RFC 8829, 5.1.2: with the profiles that are taken as what they mean.
_PROFILE: Final = re.compile(r"(UDP/TLS/)?RTP/SAVPF?")
_RTPMAP: Final = re.compile(r"([0-9]{1,3}) (opus|red)/48000/2", re.IGNORECASE)
_DIRECTIONS: Final = ("sendonly", "recvonly", "sendrecv", "inactive")
_NO_PORT: Final = 9


class OfferError(Exception):
    """The offer cannot be taken; the message says why. The participant's fault."""


@dataclass(frozen=True, slots=True)
class Section:
    """One m= line: its ``kind``, ``profile``, ``formats`` as written, and name (``mid``)."""

    kind: str
    profile: str
    formats: str
    mid: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """``audio``: which of the ``sections`` is taken. ``username`` and ``password``: of ICE.
    ``says_hello``: the participant is to be DTLS's client. ``opus`` and ``red``: payload
    types."""

    sections: tuple[Section, ...]
    audio: int
    bundled: bool
    direction: str
    username: str
    password: str
    fingerprints: list[RTCDtlsFingerprint]
    says_hello: bool
    opus: int
    red: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """This end, as an answer tells of it. ``direction``: of sound, seen from here. ``cname``: of
    what is sent under ``ssrc``. ``red_first``: RED is preferred to Opus alone."""

    direction: str
    username: str
    password: str
    candidates: Sequence[Candidate]
    fingerprints: Sequence[RTCDtlsFingerprint]
    ssrc: int
    cname: str
    red_first: bool


def read(sdp: str, *, sends: bool, receives: bool) -> Offer:
    """``sends``: this end is to send sound; ``receives``: to receive it. Raises OfferError."""
    session, *media = _blocks(sdp)
    sections = tuple(map(_section, media))
    audio = next((n for n, each in enumerate(sections) if _can_be_taken(each)), None)
    if audio is None:
        raise OfferError("an offer needs a section of audio over RTP; this one has none")
    lines = session + media[audio]
    values = {name: value for name, value in map(_attribute, lines) if name}
    if problem := _problem(values):
        raise OfferError(problem)
    direction = next((name for name in _DIRECTIONS if name in values), "sendrecv")
    if sends and direction not in ("recvonly", "sendrecv"):
        raise OfferError(f"to listen, the audio section must be recvonly; it is {direction}")
    if receives and direction not in ("sendonly", "sendrecv"):
        raise OfferError(f"to speak, the audio section must be sendonly; it is {direction}")
    types = _types(media[audio], sections[audio].formats.split())
    if "opus" not in types:
        raise OfferError("the audio section does not offer Opus")
    return Offer(
        sections=sections,
        audio=audio,
        bundled=values.get("group", "").startswith("BUNDLE"),
        direction=direction,
        username=values["ice-ufrag"],
        password=values["ice-pwd"],
        fingerprints=_fingerprints(lines),
        says_hello=values["setup"] == "active",
        opus=types["opus"],
        red=types.get("red"),
    )


def _blocks(sdp: str) -> list[list[str]]:
    """The session's lines, then each section's."""
    blocks: list[list[str]] = [[]]
    for line in re.split(r"\r?\n", sdp):
        if line.startswith("m="):
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _section(lines: Sequence[str]) -> Section:
    found = _MEDIA.fullmatch(lines[0])
    if found is None:
        raise OfferError(f"this is not SDP: {lines[0][:80]!r}")
    kind, port, profile, formats = found.groups()
    values = dict(map(_attribute, lines))
    if int(port) == 0 and "bundle-only" not in values:
        kind = f"refused {kind}"
    return Section(kind, profile, formats, values.get("mid"))


def _can_be_taken(section: Section) -> bool:
    return section.kind == "audio" and _PROFILE.fullmatch(section.profile) is not None


def _attribute(line: str) -> tuple[str, str]:
    """Name and value of an a= line; empty for any other."""
    name, _, value = line.removeprefix("a=").partition(":")
    return (name, value) if line.startswith("a=") else ("", "")


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


def _fingerprints(lines: Sequence[str]) -> list[RTCDtlsFingerprint]:
    found = [
        match
        for name, value in map(_attribute, lines)
        if name == "fingerprint" and (match := _FINGERPRINT.fullmatch(value))
    ]
    known = [RTCDtlsFingerprint(*match.groups()) for match in found]
    known = [each for each in known if each.algorithm.lower() in _FINGERPRINTS]
    if not known:
        raise OfferError(f"a=fingerprint: none of it is of {', '.join(_FINGERPRINTS)}")
    return known


def _types(lines: Sequence[str], formats: Sequence[str]) -> dict[str, int]:
    """The payload types of Opus and of RED."""
    types: dict[str, int] = {}
    for name, value in map(_attribute, lines):
        if name == "rtpmap" and (found := _RTPMAP.fullmatch(value)) and found[1] in formats:
            types.setdefault(found[2].lower(), int(found[1]))
    return types


def written(offer: Offer, answer: Answer) -> str:
    """The answer's SDP, with all candidates. It asks for what we want of the sender's Opus, and
    that what is lost be asked for again (which browsers do not offer and take all the same)."""
    mid = offer.sections[offer.audio].mid
    lines = ["v=0", f"o=- {answer.ssrc} 2 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if offer.bundled and mid is not None:
        lines.append(f"a=group:BUNDLE {mid}")
    lines.append("a=msid-semantic:WMS *")
    for number, section in enumerate(offer.sections):
        lines += _taken(offer, answer) if number == offer.audio else _refused(section)
    return "\r\n".join(lines) + "\r\n"


def _refused(section: Section) -> list[str]:
    kind = section.kind.removeprefix("refused ")
    lines = [f"m={kind} 0 {section.profile} {section.formats}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return lines if section.mid is None else [*lines, f"a=mid:{section.mid}"]


def _taken(offer: Offer, answer: Answer) -> list[str]:
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
    lines.append(f"a=setup:{'passive' if offer.says_hello else 'active'}")
    return lines
