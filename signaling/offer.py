"""What an SDP offer may contain, decided before media sees it.

Rules for changing this file:
- An offer is not cleaned but rebuilt: only what is used, known and well formed is written anew.
- One section of audio is taken. Of the others only what their refusal must repeat is kept.
- No candidate leaves this file: the server probes nobody.
- One pass, no pattern that backtracks, limits before loops: cost is linear in 16 kB.
- A refusal says what was wrong, by line where there is one, and repeats no long input.
- What is not used may be anything: text in any language, more lines than are needed.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from signaling.errors import ProtocolError, excerpt

MAX_OFFER_BYTES: Final = 16 * 1024
MAX_SECTIONS: Final = 16
MAX_RED_BLOCKS: Final = 32

Direction = Literal["sendonly", "recvonly", "sendrecv"]
#: The directions that an offer may have, by what its role does. "sendrecv" includes both others.
_ACCEPTED: Final[dict[Direction, tuple[str, ...]]] = {
    "sendonly": ("sendonly", "sendrecv"),
    "recvonly": ("recvonly", "sendrecv"),
    "sendrecv": ("sendrecv",),
}
_DIRECTIONS: Final = ("sendonly", "recvonly", "sendrecv", "inactive")

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_MEDIA: Final = re.compile(
    r"m=([a-z]{1,16}) ([0-9]{1,5})(?:/[0-9]{1,5})? ([A-Za-z0-9/-]{1,32})((?: [!-~]{1,64}){1,128})"
)
#: Names of one profile that differ in their age (RFC 8829, 5.1.2).
_PROFILE: Final = re.compile(r"(?:UDP/TLS/)?RTP/SAVPF?")
#: Attributes that must, where they come, look like this. Groups are what is used of them.
_PATTERNS: Final[dict[str, re.Pattern[str]]] = {
    "ice-ufrag": re.compile(r"([A-Za-z0-9+/]{4,256})"),  # RFC 8839, 5.4
    "ice-pwd": re.compile(r"([A-Za-z0-9+/]{22,256})"),
    "fingerprint": re.compile(
        r"([a-z0-9-]{1,16}) ((?:[0-9A-F]{2}:){15,127}[0-9A-F]{2})", re.IGNORECASE
    ),
    "setup": re.compile(r"(actpass|active|passive)"),
    "mid": re.compile(r"([A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32})"),
    "rtpmap": re.compile(r"([0-9]{1,3}) ([A-Za-z0-9._-]{1,32})/([0-9]{1,6})(?:/([0-9]{1,2}))?"),
    "fmtp": re.compile(r"([0-9]{1,3}) ([^ ].{0,499})"),
}
#: What the answer repeats of a section that is refused: Pion looks there for its formats.
_FORMAT: Final = re.compile(r"a=(?:rtpmap|fmtp):[0-9]{1,3} [ -~]{1,500}")
_FINGERPRINTS: Final = ("sha-256", "sha-384", "sha-512")


@dataclass(slots=True)
class _Section:
    """What one pass over a section's lines found. ``values``, ``flags`` and ``direction`` begin as
    the session's; the session's ``lists`` count where the section has none of the name."""

    kind: str = ""
    profile: str = ""
    formats: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    formats_told: list[str] = field(default_factory=list)
    direction: str = "sendrecv"  # the default, RFC 8866, 6.7


def check(sdp: str, direction: Direction) -> str:
    """Check an offer, and return it rebuilt: without candidates; one section of audio, with only
    Opus and, if offered, RED of it; other sections with port 0. ``direction``: "sendonly" from a
    participant that sends audio, "recvonly" from one that receives it, "sendrecv" for both.

    Raises ProtocolError("bad_sdp", …), which says what is wrong with the offer.
    """
    sections, audio = _read(_lines(sdp))
    section = sections[audio]
    if section.direction not in _ACCEPTED[direction]:
        accepted = " or ".join(f"a={name}" for name in _ACCEPTED[direction])
        raise _bad(f"the direction is a={section.direction}; here it must be {accepted}")
    if "ice-lite" in section.flags:
        raise _bad("a=ice-lite: the participant must send the ICE checks, as the server sends none")
    if "rtcp-mux" not in section.flags:
        raise _bad("a=rtcp-mux is missing")
    for name in ("ice-ufrag", "ice-pwd", "setup", "mid"):
        if name not in section.values:
            raise _bad(f"a={name} is missing; was the offer cut off?")
    if not any(found[0].lower() in _FINGERPRINTS for found in section.lists.get("fingerprint", ())):
        raise _bad("a=fingerprint with sha-256 is missing; was the offer cut off?")
    return _written(sections, audio, direction, _opus(section))


def _bad(what: str) -> ProtocolError:
    return ProtocolError("bad_sdp", f"SDP offer: {what}")


def _lines(sdp: str) -> list[str]:
    """The lines of what looks like an SDP at all, without empty ones at its end."""
    if len(sdp) > MAX_OFFER_BYTES:
        raise _bad(f"{len(sdp)} characters; at most {MAX_OFFER_BYTES} are taken")
    if found := _CONTROL.search(sdp):
        raise _bad(f"control character U+{ord(found[0]):04X} at {found.start()}")
    lines = [line.removesuffix("\r") for line in sdp.split("\n")]
    if lines[0] != "v=0":
        raise _bad(f"it must start with the line v=0, not {excerpt(lines[0])}")
    if lines[-1] != "":
        raise _bad("the last line has no end; was the offer cut off?")
    while lines[-1] == "":
        lines.pop()
    return lines


def _read(lines: list[str]) -> tuple[list[_Section], int]:
    """The sections, and which of them is taken: the first of audio."""
    session, sections, audio = _Section(), list[_Section](), -1
    for number, line in enumerate(lines, 1):
        if line[1:2] != "=" or "\r" in line:
            raise _bad(f"line {number} is not of the form x=…: {excerpt(line)}")
        if line.startswith("v=") and number > 1:
            raise _bad(f"line {number} begins another description; was the offer sent twice?")
        if line.startswith("m="):
            if len(sections) == MAX_SECTIONS:
                raise _bad(f"line {number}: more than {MAX_SECTIONS} sections")
            section, taken = _begun(line, number, session)
            if taken and audio < 0:
                audio = len(sections)
            sections.append(section)
        elif line.startswith("a="):
            section = sections[-1] if sections else session
            if section is session or audio == len(sections) - 1:
                _attribute(section, line, number)
            elif line.startswith("a=mid:"):
                _value(section, "mid", line[6:], number)
            elif _FORMAT.fullmatch(line):
                section.formats_told.append(line)
    if audio < 0:
        raise _bad("there is no m=audio line with a port; one section of audio is expected")
    sections[audio].lists = session.lists | sections[audio].lists
    return sections, audio


def _begun(line: str, number: int, session: _Section) -> tuple[_Section, bool]:
    """A section, of its first line, and whether it can be taken."""
    found = _MEDIA.fullmatch(line)
    if found is None:
        raise _bad(f"line {number} must be m=KIND PORT PROFILE FORMATS: {excerpt(line)}")
    kind, port, profile, formats = found.groups()
    section = _Section(
        kind,
        profile,
        formats.split(),
        values={name: value for name, value in session.values.items() if name != "mid"},
        flags=set(session.flags),
        direction=session.direction,
    )
    is_audio = kind == "audio" and int(port) > 0
    return section, is_audio and _PROFILE.fullmatch(profile) is not None


def _attribute(section: _Section, line: str, number: int) -> None:
    name, _, value = line[2:].partition(":")
    if name in _DIRECTIONS:
        section.direction = name
    elif name in ("rtcp-mux", "ice-lite"):
        section.flags.add(name)
    elif name == "group" and value.startswith("BUNDLE"):
        section.flags.add("bundle")
    elif name in _PATTERNS:
        _value(section, name, value, number)


def _value(section: _Section, name: str, value: str, number: int) -> None:
    found = _PATTERNS[name].fullmatch(value)
    if found is None:
        raise _bad(f"line {number}: a={name} is malformed: {excerpt(value)}")
    section.values[name] = found[1]
    section.lists.setdefault(name, []).append(tuple(group or "" for group in found.groups()))


def _payload_types(section: _Section) -> list[int]:
    types = [int(each) for each in section.formats if each.isdecimal() and len(each) <= 3]
    if len(types) < len(section.formats) or max(types) > 127 or len(set(types)) < len(types):
        raise _bad("payload types of m=audio must be numbers that differ and are at most 127")
    return types


def _opus(section: _Section) -> int:
    """The payload type of Opus. Raises ProtocolError."""
    named = {int(found[0]): found[1:] for found in section.lists.get("rtpmap", ())}
    types = _payload_types(section)
    for payload_type in types:
        if payload_type >= 96 and payload_type not in named:
            raise _bad(f"payload type {payload_type} has no a=rtpmap; was the offer cut off?")
    for payload_type in types:
        if payload_type >= 96:
            codec, rate_hz, channels = named[payload_type]
            if (codec.lower(), rate_hz, channels) == ("opus", "48000", "2"):
                return payload_type
    raise _bad("Opus is not offered (such as a=rtpmap:111 opus/48000/2, payload type 96 to 127)")


def _red(section: _Section, opus: int) -> int | None:
    """The payload type of RED (RFC 2198) whose blocks are all Opus; None if it is not offered."""
    named = {int(found[0]): found[1:] for found in section.lists.get("rtpmap", ())}
    formats = {int(found[0]): found[1] for found in section.lists.get("fmtp", ())}
    for payload_type in _payload_types(section):
        codec, rate_hz, channels = named.get(payload_type, ("", "", ""))
        dynamic = 35 <= payload_type <= 63 or payload_type >= 96  # RFC 5761, 4
        if dynamic and (codec.lower(), rate_hz, channels) == ("red", "48000", "2"):
            blocks = formats.get(payload_type, "").strip().split("/")
            if len(blocks) <= MAX_RED_BLOCKS and set(blocks) == {str(opus)}:
                return payload_type
    return None


def _written(sections: list[_Section], audio: int, direction: Direction, opus: int) -> str:
    """The offer anew. A "sendrecv" is narrowed to what the role does, so that a listener is
    never set up to be heard."""
    taken = sections[audio]
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if "bundle" in taken.flags:
        lines.append(f"a=group:BUNDLE {taken.values['mid']}")
    for section in sections:
        if section is taken:
            lines += _audio(section, direction, opus)
        else:
            lines.append(f"m={section.kind} 0 {section.profile} {' '.join(section.formats)}")
            lines += [f"a=mid:{section.values['mid']}"] if "mid" in section.values else []
            lines += section.formats_told
    return "\r\n".join(lines) + "\r\n"


def _audio(section: _Section, direction: Direction, opus: int) -> list[str]:
    red = _red(section, opus)
    types = str(opus) if red is None else f"{opus} {red}"
    lines = [f"m=audio 9 {section.profile} {types}", "c=IN IP4 0.0.0.0", f"a={direction}"]
    lines += [f"a={name}:{section.values[name]}" for name in ("mid", "ice-ufrag", "ice-pwd")]
    lines.append(f"a=setup:{section.values['setup']}")
    for name, value in section.lists["fingerprint"]:
        lines.append(f"a=fingerprint:{name.lower()} {value}")
    lines += ["a=rtcp-mux", f"a=rtpmap:{opus} opus/48000/2"]
    if red is not None:
        lines += [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]
    return lines
