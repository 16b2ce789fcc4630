"""Checks an SDP offer before aiortc sees it, and writes a new one from what is known to be valid.

Rules for changing this file:
- The offer is rebuilt, not cleaned: only known, well-formed attributes are written to the new one,
  so nothing malformed reaches aiortc. What the server does not use is left out.
- No candidate is passed on: the server never sends packets to an address that an offer names.
- One pass, no backtracking patterns, limits checked before loops: the cost is linear in the size.
- An error says what was wrong, with the line number if there is one, and quotes input shortened.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from signaling.errors import ProtocolError, excerpt

MAX_OFFER_BYTES: Final = 16 * 1024
MAX_CANDIDATES: Final = 20
MAX_SSRCS: Final = 4
MAX_EXTENSIONS: Final = 32
MAX_RED_BLOCKS: Final = 32

Direction = Literal["sendonly", "recvonly", "sendrecv"]
#: The directions that an offer may have, by what its role does. "sendrecv" includes both others.
_ACCEPTED: Final[dict[Direction, tuple[str, ...]]] = {
    "sendonly": ("sendonly", "sendrecv"),
    "recvonly": ("recvonly", "sendrecv"),
    "sendrecv": ("sendrecv",),
}
_DIRECTIONS: Final = ("sendonly", "recvonly", "sendrecv", "inactive")

_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\r\n]")
_MEDIA: Final = re.compile(r"m=audio ([1-9][0-9]{0,4}) UDP/TLS/RTP/SAVPF((?: [0-9]{1,3}){1,128})")
#: Format parameters that aiortc parses as integers.
_INT_PARAMETERS: Final = frozenset(
    ("apt", "max-fr", "max-fs", "maxplaybackrate", "minptime", "stereo", "useinbandfec")
)
#: The syntax of each attribute that the server uses. The groups are the parts that it uses.
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
    "rtcp-fb": re.compile(r"(\*|[0-9]{1,3}) ([a-z0-9-]{1,32}(?: [a-z0-9-]{1,32})?)", re.IGNORECASE),
    "extmap": re.compile(
        r"([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])(?:/[a-z]{8})? ([\x21-\x7e]{1,256})(?: .*)?"
    ),
    "ssrc": re.compile(r"([0-9]{1,10}) ([a-z-]{1,32})(?::(.{0,256}))?"),
}
_FINGERPRINTS: Final = ("sha-256", "sha-384", "sha-512")


@dataclass(frozen=True, slots=True)
class CheckedOffer:
    """An offer that aiortc accepts. ``sdp``: rebuilt without candidates, with Opus only (and RED
    with Opus in it, if offered), in the direction of the role. ``mid``: of its audio section.
    ``payload_type``: of Opus. ``candidates``: how many were left out."""

    sdp: str
    mid: str
    payload_type: int
    candidates: int


@dataclass(slots=True)
class _Section:
    """What one pass over the lines found. Session and media level are stored together: media-level
    lines come later and replace those of the session."""

    payload_types: list[int] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    direction: str = "sendrecv"  # the default, RFC 8866, 6.7
    candidates: int = 0


def check(sdp: str, direction: Direction) -> CheckedOffer:
    """Check and rebuild an offer. ``direction``: "sendonly" from a participant that sends audio,
    "recvonly" from one that receives it, "sendrecv" for both.

    Raises ProtocolError("bad_sdp", …), which says what is wrong with the offer.
    """
    section = _read(_lines(sdp))
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
    payload_type = _opus(section)
    return CheckedOffer(
        sdp=_written(section, direction, payload_type),
        mid=section.values["mid"],
        payload_type=payload_type,
        candidates=section.candidates,
    )


def _bad(what: str) -> ProtocolError:
    return ProtocolError("bad_sdp", f"SDP offer: {what}")


def _lines(sdp: str) -> list[str]:
    """Split an SDP into lines. Only printable ASCII is accepted, because aiortc splits lines at
    other characters, too."""
    if len(sdp) > MAX_OFFER_BYTES:
        raise _bad(f"{len(sdp)} characters; at most {MAX_OFFER_BYTES} are accepted")
    if found := _UNPRINTABLE.search(sdp):
        raise _bad(
            f"character U+{ord(found[0]):04X} at position {found.start()}; "
            "only printable ASCII is accepted"
        )
    lines = [line.removesuffix("\r") for line in sdp.split("\n")]
    if lines[0] != "v=0":
        raise _bad(f"it must start with the line v=0, not {excerpt(lines[0])}")
    if lines.pop() != "":
        raise _bad("the last line has no line end; was the offer cut off?")
    return lines


def _read(lines: list[str]) -> _Section:
    section = _Section()
    media = 0
    for number, line in enumerate(lines, 1):
        if line[1:2] != "=" or "\r" in line:
            raise _bad(f"line {number} is not of the form x=…: {excerpt(line)}")
        if line.startswith("m="):
            media += 1
            if media > 1:
                raise _bad(f"line {number}: a second media section; only one, audio, is accepted")
            section.payload_types = _payload_types(line, number)
        elif line.startswith("a="):
            _attribute(section, line, number)
    if media == 0:
        raise _bad("the m= line is missing; one audio section is expected")
    return section


def _payload_types(line: str, number: int) -> list[int]:
    if not line.startswith("m=audio "):
        raise _bad(f"line {number}: {excerpt(line, 20)}; only audio is accepted")
    found = _MEDIA.fullmatch(line)
    if found is None:
        raise _bad(
            f"line {number} must be m=audio PORT UDP/TLS/RTP/SAVPF PAYLOAD-TYPES: {excerpt(line)}"
        )
    types = [int(word) for word in found[2].split()]
    if max(types) > 127 or len(set(types)) < len(types):
        raise _bad(f"line {number}: payload types must be distinct and at most 127")
    return types


def _attribute(section: _Section, line: str, number: int) -> None:
    name, _, value = line[2:].partition(":")
    if name in ("candidate", "remote-candidates"):
        section.candidates += 1
        if section.candidates > MAX_CANDIDATES:
            raise _bad(f"more than {MAX_CANDIDATES} candidates; none are used, leave them out")
    elif name in _DIRECTIONS:
        section.direction = name
    elif name in ("rtcp-mux", "ice-lite"):
        section.flags.add(name)
    elif name == "group" and value.startswith("BUNDLE"):
        section.flags.add("bundle")
    elif pattern := _PATTERNS.get(name):
        found = pattern.fullmatch(value)
        if found is None:
            raise _bad(f"line {number}: a={name} is malformed: {excerpt(value)}")
        section.values[name] = found[1]
        section.lists.setdefault(name, []).append(tuple(group or "" for group in found.groups()))


def _opus(section: _Section) -> int:
    """The payload type of Opus. Raises ProtocolError."""
    named = {int(found[0]): found[1:] for found in section.lists.get("rtpmap", ())}
    for payload_type in section.payload_types:
        if payload_type >= 96 and payload_type not in named:
            raise _bad(f"payload type {payload_type} has no a=rtpmap; was the offer cut off?")
    for payload_type in section.payload_types:
        if payload_type >= 96:
            codec, rate_hz, channels = named[payload_type]
            if (codec.lower(), rate_hz, channels) == ("opus", "48000", "2"):
                return payload_type
    raise _bad("Opus is not offered (such as a=rtpmap:111 opus/48000/2, payload type 96 to 127)")


def _red(section: _Section, opus: int) -> int | None:
    """The payload type of RED (RFC 2198) whose blocks are all Opus; None if it is not offered."""
    named = {int(found[0]): found[1:] for found in section.lists.get("rtpmap", ())}
    formats = {int(found[0]): found[1] for found in section.lists.get("fmtp", ())}
    for payload_type in section.payload_types:
        codec, rate_hz, channels = named.get(payload_type, ("", "", ""))
        dynamic = 35 <= payload_type <= 63 or payload_type >= 96  # RFC 5761, 4
        if dynamic and (codec.lower(), rate_hz, channels) == ("red", "48000", "2"):
            blocks = formats.get(payload_type, "").strip().split("/")
            if len(blocks) <= MAX_RED_BLOCKS and set(blocks) == {str(opus)}:
                return payload_type
    return None


def _parameters(text: str) -> str:
    """The format parameters of Opus. Raises ProtocolError if one should be a number and is not."""
    kept = []
    for parameter in text.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name in _INT_PARAMETERS and not (value.isdigit() and len(value) <= 9):
            raise _bad(f"a=fmtp: {name} must be a number, not {excerpt(value)}")
        if name:
            kept.append(parameter.strip())
    return ";".join(kept)


def _written(section: _Section, direction: Direction, payload_type: int) -> str:
    """Write the new offer. A "sendrecv" is narrowed to ``direction``, so that a listener's
    connection is never set up to send audio to us."""
    values, lists, opus = section.values, section.lists, str(payload_type)
    extensions = {found[0]: found[1] for found in lists.get("extmap", ())}
    sources = {found[0]: found[2] for found in lists.get("ssrc", ()) if found[1] == "cname"}
    if len(extensions) > MAX_EXTENSIONS:
        raise _bad(f"more than {MAX_EXTENSIONS} header extensions")
    if len(sources) > MAX_SSRCS or any(int(ssrc) >= 2**32 for ssrc in sources):
        raise _bad(f"a=ssrc: at most {MAX_SSRCS} sources of 32 bits")
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if "bundle" in section.flags:
        lines.append(f"a=group:BUNDLE {values['mid']}")
    red = _red(section, payload_type)
    types = opus if red is None else f"{opus} {red}"
    lines += [f"m=audio 9 UDP/TLS/RTP/SAVPF {types}", "c=IN IP4 0.0.0.0", f"a={direction}"]
    lines += [f"a={name}:{values[name]}" for name in ("mid", "ice-ufrag", "ice-pwd", "setup")]
    lines += [f"a=fingerprint:{name.lower()} {value}" for name, value in lists["fingerprint"]]
    lines += ["a=rtcp-mux", f"a=rtpmap:{opus} opus/48000/2"]
    for to, what in lists.get("rtcp-fb", ()):
        if to in ("*", opus):
            lines.append(f"a=rtcp-fb:{opus} {what}")
    if given := [text for to, text in lists.get("fmtp", ()) if to == opus]:
        lines.append(f"a=fmtp:{opus} {_parameters(given[-1])}")
    if red is not None:
        lines += [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]
    lines += [f"a=extmap:{number} {uri}" for number, uri in extensions.items()]
    lines += [f"a=ssrc:{ssrc} cname:{name}" for ssrc, name in sources.items()]
    return "\r\n".join(lines) + "\r\n"
