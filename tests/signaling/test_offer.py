import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription

from signaling.errors import ProtocolError
from signaling.offer import MAX_OFFER_BYTES, MAX_SECTIONS, Direction, check

#: As Debian's Chromium 156 offers, candidates included, one file a direction; and as FFmpeg 8.1,
#: GStreamer 1.22, libdatachannel (which OBS uses) and Pion 3.1 offer by WHIP and WHEP.
OFFERS = Path(__file__).parent / "offers"
CANDIDATE = "a=candidate:1 1 udp 2113937151 192.0.2.1 47852 typ host\r\n"


def chromium(direction: Direction = "sendonly") -> str:
    return (OFFERS / f"chromium_{direction}.sdp").read_bytes().decode()


def without(name: str) -> str:
    lines = chromium().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f"a={name}"))


def refused(sdp: str, direction: Direction = "sendonly") -> str:
    with pytest.raises(ProtocolError) as caught:
        check(sdp, direction)
    assert caught.value.code == "bad_sdp"
    return caught.value.message


def parsed(checked: str) -> SessionDescription:
    return SessionDescription.parse(checked)


@pytest.mark.parametrize("direction", ["sendonly", "recvonly", "sendrecv"])
def test_a_browser_s_offer_is_accepted_without_its_candidates(direction: Direction) -> None:
    checked = check(chromium(direction), direction)
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111" in checked and "a=mid:0\r\n" in checked
    assert chromium(direction).count("a=candidate") == 2
    assert "candidate" not in checked and ".local" not in checked


@pytest.mark.parametrize("file", sorted(OFFERS.iterdir()), ids=lambda file: file.stem)
def test_every_client_s_offer_is_accepted_whole_and_only_refused_if_it_is_cut(file: Path) -> None:
    sdp = file.read_bytes().decode()
    direction: Direction = (
        "sendonly"
        if "sendonly" in file.stem
        else "recvonly"
        if "recvonly" in file.stem
        else "sendrecv"
    )
    audio, *others = [line for line in check(sdp, direction).splitlines() if line[:2] == "m="]
    assert audio.startswith("m=audio 9 ") and all(line.split()[1] == "0" for line in others)
    for length in range(len(sdp)):
        try:
            check(sdp[:length], direction)
        except ProtocolError as error:
            assert error.code == "bad_sdp"


def test_the_formats_of_a_refused_section_are_kept_for_the_answer() -> None:
    """Pion gives up without."""
    checked = check((OFFERS / "pion_sendonly.sdp").read_bytes().decode(), "sendonly")
    assert "a=rtpmap:96 VP8/90000\r\n" in checked[checked.index("m=video") :]


def test_aiortc_reads_from_a_checked_offer_what_was_offered() -> None:
    before = SessionDescription.parse(chromium()).media[0]
    after = parsed(check(chromium(), "sendonly")).media[0]
    assert after.ice == before.ice
    assert after.dtls == before.dtls
    assert after.rtp.muxId == before.rtp.muxId
    names = [(codec.mimeType, codec.payloadType) for codec in before.rtp.codecs]
    assert [(codec.mimeType, codec.payloadType) for codec in after.rtp.codecs] == names[:2]
    assert after.direction == "sendonly"


def test_checking_twice_changes_nothing() -> None:
    once = check(chromium(), "sendonly")
    assert check(once, "sendonly") == once


@pytest.fixture
async def connection() -> AsyncIterator[RTCPeerConnection]:
    connection = RTCPeerConnection()
    yield connection
    await connection.close()


async def test_aiortc_answers_a_checked_offer(connection: RTCPeerConnection) -> None:
    sdp = check(chromium("recvonly"), "recvonly")
    await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
    answer = await connection.createAnswer()
    assert "opus/48000/2" in answer.sdp


async def test_aiortc_s_own_offer_is_accepted(connection: RTCPeerConnection) -> None:
    connection.addTransceiver("audio", direction="sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    checked = check(connection.localDescription.sdp, "sendonly")
    assert parsed(checked).media[0].rtp.codecs[0].mimeType == "audio/opus"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=fmtp:63 111/111", "a=fmtp:63 111/9"),
        ("a=fmtp:63 111/111", "a=fmtp:63 " + "/".join(["111"] * 100)),
        ("a=fmtp:63 111/111", "a=x:"),
        ("red/48000/2", "red/8000"),
        ("111 63 9", "111 9"),
        ("63", "64"),
    ],
    ids=["of other codecs", "of too many", "of nothing", "another rate", "not offered", "RTCP's"],
)
def test_red_of_anything_but_opus_is_left_out(old: str, new: str) -> None:
    assert "a=rtpmap:63 red/48000/2" in check(chromium(), "sendonly")
    sdp = chromium().replace(old, new)
    assert sdp != chromium()
    checked = check(sdp, "sendonly")
    assert "red/" not in checked and "SAVPF 111\r\n" in checked


def test_line_ends_may_be_bare_newlines() -> None:
    assert check(chromium().replace("\r\n", "\n"), "sendonly") == check(chromium(), "sendonly")


@pytest.mark.parametrize("direction", ["sendonly", "recvonly"])
def test_sendrecv_is_narrowed_to_the_direction_of_the_role(direction: Direction) -> None:
    checked = check(chromium("sendrecv"), direction)
    assert parsed(checked).media[0].direction == direction


def test_attributes_of_the_session_apply_to_its_section() -> None:
    sdp = without("ice-ufrag").replace("t=0 0\r\n", "t=0 0\r\na=ice-ufrag:abcd\r\n")
    assert "a=ice-ufrag:abcd\r\n" in check(sdp, "sendonly")


def test_no_direction_means_both() -> None:
    assert "a=sendrecv" in check(without("sendonly"), "sendrecv")


M_LINE = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126"


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "v=0"),
        ("hello\r\n", '"hello"'),
        ('{"sdp": "v=0"}', "v=0"),
        ("v=0", "cut off"),
        (chromium() * 2, "sent twice"),
        ("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", "no m=audio line"),
        (chromium() + "m=video 9 UDP/TLS/RTP/SAVPF\r\n", "must be m=KIND"),
        (chromium() + "m=video 9 x 1\r\n" * MAX_SECTIONS, f"more than {MAX_SECTIONS} sections"),
        (chromium().replace("m=audio", "m=video"), "no m=audio line"),
        (chromium().replace("m=audio 9", "m=audio 0"), "no m=audio line"),
        (chromium().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "no m=audio line"),
        (chromium().replace(M_LINE, M_LINE + " x"), "must be numbers"),
        (chromium().replace(M_LINE, M_LINE + " 300"), "at most 127"),
        (chromium().replace(M_LINE, M_LINE + " 111"), "that differ"),
        (chromium().replace(M_LINE, M_LINE + " 96"), "type 96 has no a=rtpmap"),
        (chromium() + "a=x:" + "y" * MAX_OFFER_BYTES + "\r\n", f"at most {MAX_OFFER_BYTES}"),
        (chromium().replace("s=-", "s=-\x0bm=video"), "U+000B"),
        (chromium().replace("s=-", "s=-\rm=video"), "form x=…"),
        (chromium().replace("s=-", "s=-\r\n"), "form x=…"),
        (without("ice-ufrag"), "a=ice-ufrag is missing"),
        (without("ice-pwd"), "a=ice-pwd is missing"),
        (without("fingerprint"), "a=fingerprint"),
        (without("setup"), "a=setup is missing"),
        (without("mid"), "a=mid is missing"),
        (without("rtcp-mux"), "a=rtcp-mux is missing"),
        (chromium().replace("sha-256", "sha-1"), "a=fingerprint"),
        (chromium().replace("a=ice-pwd:", "a=ice-pwd: "), "a=ice-pwd is malformed"),
        (chromium().replace("a=setup:actpass", "a=setup:holdconn"), "a=setup is malformed"),
        (chromium().replace("opus/48000/2", "opus/48000"), "Opus is not offered"),
        (chromium().replace("opus/48000/2", "speex/16000"), "Opus is not offered"),
        (chromium().replace("a=sendonly", "a=inactive"), "a=inactive"),
        (chromium() + "a=ice-lite\r\n", "ice-lite"),
    ],
)
def test_an_unusable_offer_is_refused_with_a_reason(sdp: str, words: str) -> None:
    assert words in refused(sdp)


@pytest.mark.parametrize(
    "sdp",
    [
        chromium() + CANDIDATE * 100,
        chromium().replace("s=-", "s=Vergadering, café, 会議"),
        chromium().replace("s=-", "s=-\u2028m=video"),
        chromium() + "\r\n",
        chromium() + "\n\n\n",
        chromium().replace("minptime=10", "minptime=ten"),
        chromium() + "a=extmap:256 urn:x\r\na=ssrc:9999999999 cname:x\r\na=rtcp-fb:é\r\n",
    ],
    ids=["candidates", "name", "separator", "end", "ends", "parameters", "not used"],
)
def test_unused_lines_may_contain_anything(sdp: str) -> None:
    assert check(sdp, "sendonly") == check(chromium(), "sendonly")


def test_an_older_rtp_profile_is_accepted() -> None:
    sdp = chromium().replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")
    assert "m=audio 9 RTP/SAVPF 111 63\r\n" in check(sdp, "sendonly")


VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=setup:whatever\r\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n"


@pytest.mark.parametrize(("before", "after"), [("", VIDEO + DATA), (VIDEO, DATA), (DATA, "")])
def test_all_sections_but_one_of_audio_are_kept_and_refused(before: str, after: str) -> None:
    start = chromium().index("m=audio")
    checked = check(chromium()[:start] + before + chromium()[start:] + after, "sendonly")
    assert "a=mid:0\r\n" in checked
    assert [(each.kind, each.port) for each in parsed(checked).media] == [
        *([("video", 0)] if before == VIDEO else [("application", 0)] if before else []),
        ("audio", 9),
        *([("video", 0)] if VIDEO in after else []),
        *([("application", 0)] if DATA in after else []),
    ]
    assert "whatever" not in checked and "sctp-port" not in checked


def test_of_two_audio_sections_the_first_is_accepted() -> None:
    second = chromium()[chromium().index("m=audio") :].replace("a=mid:0", "a=mid:1")
    checked = check(chromium() + second, "sendonly")
    assert "a=mid:0\r\n" in checked
    assert [each.port for each in parsed(checked).media] == [9, 0]


@pytest.mark.parametrize(
    ("offered", "role"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("sendonly", "sendrecv")],
)
def test_the_direction_must_suit_the_role(offered: Direction, role: Direction) -> None:
    assert f"a={offered}" in refused(chromium(offered), role)


def test_an_offer_cut_off_anywhere_in_a_line_is_refused() -> None:
    whole = chromium()
    for end in range(len(whole)):
        if not whole[:end].endswith("\n"):
            refused(whole[:end])


def test_an_offer_cut_in_half_between_lines_is_refused() -> None:
    lines = chromium().splitlines(keepends=True)
    refused("".join(lines[: len(lines) // 2]))


def test_a_refusal_repeats_no_long_input() -> None:
    assert len(refused("x" * MAX_OFFER_BYTES)) < 200
    assert len(refused(chromium() + "a=mid:" + "é" * 9000 + "\r\n")) < 200
    assert len(refused(chromium() + "a=mid:" + "a" * 9000 + "\r\n")) < 200


def test_aiortc_can_read_every_accepted_offer() -> None:
    seeded = random.Random(20)
    originals = [chromium("sendonly"), chromium("sendrecv")]
    scraps = ["a=", ":", " ", "m=audio", "\r\n", "\n", "9" * 20, "-1", "/", ";", "=", "²", "\0"]
    taken = 0
    for _ in range(4000):
        sdp = seeded.choice(originals)
        for _ in range(seeded.randint(1, 3)):
            start = seeded.randrange(len(sdp))
            end = start + seeded.choice([0, 0, 1, 2, 5, 40])
            sdp = sdp[:start] + seeded.choice([*scraps, ""]) + sdp[end:]
        try:
            checked = check(sdp, "sendonly")
        except ProtocolError:
            continue
        taken += 1
        assert parsed(checked).media[0].ice_candidates == []
    assert taken > 100


@pytest.mark.parametrize(
    "filler",
    ["a=mid:" + "a" * 16000, "a=fmtp:111 " + ";" * 16000, "a=fingerprint:sha-256 " + "A1:" * 5000]
    + [line * (15000 // len(line)) for line in ("a=\r\n", "a=ssrc:1 a:b\r\n", "a=extmap:1 u\r\n")]
    + ["a=rtcp-fb:111 " + "a " * 8000, "m=audio 9 UDP/TLS/RTP/SAVPF" + " 1" * 8000],
)
def test_hostile_offers_are_checked_quickly(filler: str) -> None:
    sdp = (chromium() + filler)[: MAX_OFFER_BYTES - 2] + "\r\n"
    started_s = time.process_time()
    try:
        check(sdp, "sendonly")
    except ProtocolError:
        pass
    assert time.process_time() - started_s < 0.1
