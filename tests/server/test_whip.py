"""Speakers and listeners that join by WHIP and WHEP are sessions like all others."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import Counter, generate_latest

from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from server.media.opus import Pcm
from signaling import messages as wire
from signaling import whip
from tests.helpers.running import final, power, shared_server, tone
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client
from tests.helpers.whip import FRAGMENT, SDP, Words, joined, posted

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOW = tone(300)
SPOKEN_LOW_HZ = 700


server = shared_server(
    ready=True,
    allowed_origins=["https://studio.example"],
    ice_servers=["stun:s.example", "turn:t.example"],
    turn_username="tolk",
    turn_password='se"cret',
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def heard(client: Client, seconds: float = 1.0) -> Pcm:
    """What a stock receiver decodes, once it is not silent: int16 mono at 48 kHz."""
    track = client.transceiver.receiver.track
    pieces: list[Pcm] = []
    async with asyncio.timeout(15):
        while len(pieces) < seconds * 50:
            pcm = (await track.recv()).to_ndarray().reshape(-1, 2)[:, 0]  # type: ignore[union-attr]
            if pieces or np.abs(pcm).max() > 1000:
                pieces.append(pcm)
    return np.concatenate(pieces)


def has_speaker(server: Server, stream: str) -> bool:
    found = server.manager.streams.get(stream)
    return found is not None and found.speaker is not None


# --- joining and leaving -----------------------------------------------------------------------


async def test_a_publisher_is_interpreted_for_listeners_on_a_page(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with (
        Listener(server.url, "a", "en", captions=["en", "nl"]) as listener,
        joined(http, "/whip/a?language=nl", Words()),
    ):
        await listener.expect(wire.Caption, final("nl", "laag"))
        await listener.expect(wire.Caption, final("en", "low"))


@pytest.mark.parametrize(
    ("query", "hz"), [("", 300), ("?language=en", SPOKEN_LOW_HZ), ("?language=nl&floor=1", 300)]
)
async def test_a_player_hears_the_channel_of_its_address(
    server: Server, http: aiohttp.ClientSession, query: str, hz: float
) -> None:
    async with joined(http, "/whip/b?language=nl", Words()):
        async with joined(http, f"/whep/b{query}") as player:
            assert power(await heard(player.client), hz) > 0.5


async def test_over_the_floor_both_are_heard(server: Server, http: aiohttp.ClientSession) -> None:
    async with joined(http, "/whip/c?language=nl", Words()):
        async with joined(http, "/whep/c?language=en&floor=1"):
            (listener,) = server.manager.streams["c"].listeners
            assert listener.channel == "en+floor"


async def test_participants_are_counted_and_told_as_those_of_pages(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with Speaker(server.url, "d", "nl") as speaker:
        async with joined(http, "/whep/d?language=en"):
            await speaker.expect(
                wire.Audience, lambda audience: audience.channels == {"en": 1}, within_s=5
            )
        await speaker.expect(wire.Audience, lambda audience: audience.total == 0, within_s=5)
    scraped = generate_latest(server.metrics.registry).decode()
    assert 'tolk_joins_total{role="listener"}' in scraped


async def test_the_response_has_what_rfc_9725_asks_for(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with joined(http, "/whip/e?language=nl", Words()) as publisher:
        assert publisher.headers["Content-Type"] == "application/sdp"
        assert publisher.headers["ETag"].strip('"') != ""
        assert publisher.path.startswith("/whip/e/") and len(publisher.path) > len("/whip/e/") + 20
        assert publisher.headers.getall("Link") == [
            '<stun:s.example>; rel="ice-server"',
            '<turn:t.example>; rel="ice-server"; username="tolk"; credential="se\\"cret"; '
            'credential-type="password"',
        ]
        assert "a=recvonly" in publisher.answer


async def test_delete_ends_the_session_at_once_and_the_second_finds_none(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with joined(http, "/whip/f?language=nl", Words()) as publisher:
        async with http.delete(publisher.path) as response:
            assert response.status == 200
        assert not has_speaker(server, "f")
        async with http.delete(publisher.path) as response:
            assert response.status == 404
            assert (await response.json(content_type=None))["status"] == 404
        async with joined(http, "/whip/f?language=nl", Words()):
            pass


async def test_a_session_is_ended_at_its_own_address_only(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with (
        joined(http, "/whip/y?language=nl", Words()) as publisher,
        joined(http, "/whep/y") as player,
    ):
        own = publisher.path.rpartition("/")[2]
        for other in ("/whip/y/x", f"/whip/z/{own}", f"/whep/y/{own}", f"{publisher.path}x"):
            async with http.delete(other) as response:
                assert response.status == 404
        async with http.delete(player.path) as response:
            assert response.status == 200
        assert has_speaker(server, "y")


async def test_a_goodbye_of_the_connection_ends_the_session(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with joined(http, "/whip/g?language=nl", Words()):
        assert has_speaker(server, "g")
    await until(lambda: not has_speaker(server, "g"))


async def test_a_publisher_whose_media_stop_does_not_keep_the_stream(
    server: Server, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whip.HttpTransport, "silence_s", 1.0)
    async with joined(http, "/whip/h?language=nl", Words()) as publisher:
        await asyncio.sleep(1.5)  # longer than without media
        assert has_speaker(server, "h")
        await publisher.client.vanish()
        await until(lambda: not has_speaker(server, "h"), 5)


# --- one speaker at a time, and tokens ---------------------------------------------------------


async def test_a_second_publisher_is_refused_until_the_first_has_left(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with Speaker(server.url, "i", "nl"):
        offer = await offered("sendonly")
        status, problem, headers = await posted(http, "/whip/i?language=nl", offer)
        assert (status, problem["code"], problem["title"]) == (409, "speaker_present", "Conflict")
        assert int(headers["Retry-After"]) > 0
    await until(lambda: not has_speaker(server, "i"))
    async with joined(http, "/whip/i?language=nl", Words()):
        with pytest.raises(Refused, match="speaker_present"):
            async with Speaker(server.url, "i", "nl"):
                pass


async def test_taking_over_needs_a_token_that_allows_it(
    server: Server, http: aiohttp.ClientSession
) -> None:
    token = server.access.issue(stream="j", speak=True, take_over=True, valid_s=60)
    async with Speaker(server.url, "j", "nl") as speaker:
        offer = await offered("sendonly")
        status, _, _ = await posted(http, "/whip/j?language=nl&take_over=1", offer)
        assert status == 401
        await speaker.ask(wire.Ping(), wire.Pong)
        bearer = {"Authorization": f"Bearer {token}"}
        async with joined(http, "/whip/j?language=nl&take_over=1", Words(), headers=bearer):
            error = await speaker.expect(wire.Error)
            assert error.code == "taken_over"


async def test_a_page_takes_over_from_a_publisher(
    server: Server, http: aiohttp.ClientSession
) -> None:
    token = server.access.issue(stream="k", speak=True, take_over=True, valid_s=60)
    async with joined(http, f"/whip/k?language=nl&token={token}", Words()) as publisher:
        async with Speaker(server.url, "k", "nl", token=token, take_over=True):
            await until(lambda: publisher.client.connection.connectionState == "closed")
            async with http.delete(publisher.path) as response:
                assert response.status == 404


async def test_a_bad_offer_does_not_replace_the_speaker(
    server: Server, http: aiohttp.ClientSession
) -> None:
    token = server.access.issue(stream="l", speak=True, take_over=True, valid_s=60)
    async with Speaker(server.url, "l", "nl") as speaker:
        address = f"/whip/l?language=nl&take_over=1&token={token}"
        assert (await posted(http, address, "v=0\r\n"))[0] == 422
        await speaker.ask(wire.Ping(), wire.Pong)


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"stream": "other", "speak": True}, 403),
        ({"stream": "m", "listen": True}, 403),
        ({"stream": "m", "speak": True, "languages": ["en"]}, 403),
        (None, 401),
    ],
    ids=["of another stream", "of a listener", "of another language", "made up"],
)
async def test_a_token_that_does_not_allow_it_is_refused(
    server: Server, http: aiohttp.ClientSession, claims: dict[str, object] | None, status: int
) -> None:
    token = "e30.e30.e30" if claims is None else server.access.issue(valid_s=60, **claims)  # type: ignore[arg-type]
    offer = await offered("sendonly")
    bearer = {**SDP, "Authorization": f"Bearer {token}"}
    refused, _, headers = await posted(http, "/whip/m?language=nl", offer, bearer)
    assert refused == status
    assert ("WWW-Authenticate" in headers) == (status == 401)
    assert (await posted(http, f"/whip/m?language=nl&token={token}", offer))[0] == status
    assert "m" not in server.manager.streams


# --- what is not accepted ----------------------------------------------------------------------


async def offered(direction: str) -> str:
    client = Client(direction)
    sdp = await client.offer()
    await client.close()
    return sdp


def value(counter: Counter) -> float:
    (metric,) = counter.collect()
    return next(each.value for each in metric.samples if each.name.endswith("_total"))


REFUSED = [
    ("/whip/n?language=xx", None, 404, "unknown_language"),
    ("/whip/n", None, 400, "bad_message"),
    ("/whip/n?language=nl!", None, 400, "bad_message"),
    ("/whip/n?language=nl&take_over=maybe", None, 400, "bad_message"),
    ("/whip/no%20name?language=nl", None, 404, "bad_stream"),
    ("/whep/n?language=xx", None, 404, "unknown_channel"),
    ("/whip/n?language=nl", lambda sdp: sdp[: len(sdp) // 2], 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: sdp + sdp, 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: sdp.replace("m=audio", "m=video"), 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: sdp.replace("opus", "G729"), 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: sdp + "a=ice-lite\r\n", 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: sdp.replace("=sendonly", "=recvonly"), 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: "", 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: "\x00\xff", 422, "bad_sdp"),
    ("/whip/n?language=nl", lambda sdp: sdp + "a=x:y\r\n" * 4000, 413, "too_large"),
]


async def test_what_cannot_be_accepted_is_told_and_leaves_nothing(
    server: Server, http: aiohttp.ClientSession
) -> None:
    offers = {"whip": await offered("sendonly"), "whep": await offered("recvonly")}
    for path, spoilt, status, code in REFUSED:
        offer = offers[path[1:5]]
        refused, problem, _ = await posted(http, path, spoilt(offer) if spoilt else offer)
        assert (refused, problem["code"]) == (status, code), (path, problem)
        assert problem["detail"] and problem["status"] == status
    assert "n" not in server.manager.streams


async def test_a_refusal_is_counted_once_and_operators_see_it(
    server: Server, http: aiohttp.ClientSession
) -> None:
    offers = {"whip": await offered("sendonly"), "whep": await offered("recvonly")}

    def noted() -> int:
        return sum(
            each.count
            for each in server.context.logbook.entries.values()
            if each.kind == "refused" and each.stream == "counted"
        )

    refused = [
        ("/whip/counted?language=xx", None, "unknown_language"),
        ("/whep/counted?language=xx", None, "unknown_channel"),
        ("/whip/counted?language=nl&token=none", None, "unauthorised"),
        ("/whip/counted?language=nl", "v=0", "bad_sdp"),
        ("/whip/counted?language=nl", None, "speaker_present"),
    ]
    async with Speaker(server.url, "counted", "nl", audio="socket"):
        for number, (path, offer, code) in enumerate(refused, 1):
            counted = server.metrics.refused.labels(code)
            before = value(counted)
            await posted(http, path, offer or offers[path[1:5]])
            assert (value(counted) - before, noted()) == (1, number), path
    await until(lambda: not has_speaker(server, "counted"))
    token = server.access.issue(stream="counted", speak=True, take_over=True, valid_s=60)
    counted = server.metrics.refused.labels("taken_over")
    before = value(counted)
    async with (
        joined(http, f"/whip/counted?language=nl&token={token}", Words()) as publisher,
        Speaker(server.url, "counted", "nl", token=token, take_over=True),
    ):
        await until(lambda: publisher.client.connection.connectionState == "closed")
        await until(lambda: noted() == len(refused) + 1)
    assert value(counted) - before == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/json", ""])
async def test_only_sdp_may_be_posted(http: aiohttp.ClientSession, kind: str) -> None:
    offer = await offered("sendonly")
    status, _, _ = await posted(http, "/whip/o?language=nl", offer, {"Content-Type": kind})
    assert status == 415


async def test_video_is_answered_with_port_0_and_candidates_over_tcp_do_no_harm(
    server: Server, http: aiohttp.ClientSession
) -> None:
    client = Client("sendonly", Words())
    sdp = await client.offer()
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\n"
    rejected = "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"
    tcp = "a=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n"
    sdp = sdp.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 1 2")
    body = sdp + tcp + video + "a=rtpmap:96 H264/90000\r\n" + rejected
    async with http.post("/whip/p?language=nl", data=body, headers=SDP) as response:
        answer = await response.text()
        assert response.status == 201, answer
    sections = [line for line in answer.splitlines() if line.startswith("m=")]
    assert [each.split()[1] == "0" for each in sections] == [False, True, True]
    assert "a=rtpmap:96 H264/90000" in answer  # Pion does not connect without
    own = answer[: answer.index("m=video")].replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0")
    await client.take(own)
    await until(lambda: client.connection.connectionState == "connected")
    await client.close()


# --- ICE ---------------------------------------------------------------------------------------


def credentials(sdp: str) -> str:
    """The lines of a description or fragment that have the credentials of ICE."""
    return "".join(re.findall(r"a=ice-(?:ufrag|pwd):.*\r\n", sdp))


NEW = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"


async def test_candidates_are_accepted_and_what_is_wrong_in_a_patch_is_told(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with joined(http, "/whip/q?language=nl", Words()) as publisher:
        etag = publisher.headers["ETag"]
        own = credentials(publisher.client.connection.localDescription.sdp)
        own = f"a=mid:0\r\n{own}a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
        for fragment, headers, status in (
            (own, {"If-Match": etag}, 204),
            (own, {"If-Match": f'"x", {etag}'}, 204),
            (own, {}, 428),
            (own, {"If-Match": '"other"'}, 412),
            (NEW, {"If-Match": '"other"'}, 412),
            (NEW[: NEW.index("\r\n") + 2], {"If-Match": etag}, 400),
            (NEW.replace("abcdefg", "?"), {"If-Match": etag}, 400),
            ("hello", {"If-Match": etag}, 400),
            (own, {"If-Match": etag, "Content-Type": "application/sdp"}, 415),
            ("a=x\r\n" * 4000, {"If-Match": etag}, 413),
        ):
            async with http.patch(
                publisher.path, data=fragment, headers={**FRAGMENT, **headers}
            ) as response:
                assert response.status == status, (fragment[:40], headers)
                assert "ETag" not in response.headers
        assert has_speaker(server, "q")


@pytest.mark.parametrize("matching", ["*", '"*"', None], ids=["*", "quoted *", "ETag"])
async def test_new_credentials_restart_ice(
    server: Server, http: aiohttp.ClientSession, matching: str | None
) -> None:
    """RFC 9725, 4.3.3. That audio goes on is shown with Pion."""
    async with joined(http, "/whep/z") as player:
        etag = player.headers["ETag"]
        headers = {**FRAGMENT, "If-Match": matching or etag}
        async with http.patch(player.path, data=NEW, headers=headers) as response:
            answer = await response.text()
            assert (response.status, response.content_type) == (200, FRAGMENT["Content-Type"])
            new = response.headers["ETag"]
        assert new != etag
        assert credentials(answer) and credentials(answer) != credentials(player.answer)
        assert "a=candidate:" in answer and "a=mid:0\r\n" in answer
        for each, status in ((etag, 412), (new, 204)):
            headers = {**FRAGMENT, "If-Match": each}
            async with http.patch(player.path, data=NEW, headers=headers) as response:
                assert response.status == status


# --- pages of other origins --------------------------------------------------------------------


async def test_pages_of_an_allowed_origin_may_use_it(http: aiohttp.ClientSession) -> None:
    origin = {"Origin": "https://studio.example"}
    for path, post in (("/whip/r", True), ("/whep/r", True), ("/whip/r/x", False)):
        async with http.options(
            path, headers={**origin, "Access-Control-Request-Method": "POST"}
        ) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
            assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
            if post:
                assert response.headers["Accept-Post"] == "application/sdp"
    _, _, headers = await posted(http, "/whip/r", "", {**SDP, **origin})
    assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert "Location" in headers["Access-Control-Expose-Headers"]


async def test_pages_of_other_origins_are_refused(http: aiohttp.ClientSession) -> None:
    status, _, headers = await posted(
        http, "/whip/s?language=nl", "", {**SDP, "Origin": "https://evil.example"}
    )
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


async def test_get_is_answered_with_nothing(http: aiohttp.ClientSession) -> None:
    for method in ("GET", "HEAD"):
        async with http.request(method, "/whep/t") as response:
            assert response.status in (200, 204) and await response.read() == b""
    async with http.put("/whep/t") as response:
        assert response.status == 405


# --- crowds ------------------------------------------------------------------------------------


async def test_hundreds_of_posts_disturb_nobody(
    server: Server, http: aiohttp.ClientSession
) -> None:
    offer = await offered("sendonly")

    async def post() -> int:
        return (await posted(http, "/whip/u?language=nl", offer))[0]

    async with (
        Listener(server.url, "u", "en", captions=["en"]) as listener,
        Speaker(server.url, "u", "nl") as speaker,
    ):
        statuses = await asyncio.gather(*(post() for _ in range(200)))
        assert set(statuses) == {409}
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("en", "low"))


# --- FFmpeg ------------------------------------------------------------------------------------


def certificate(folder: Path) -> list[str]:
    """A P-256 key and its certificate, as options of FFmpeg's WHIP muxer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return [f"cert_file={folder}/certificate.pem", f"key_file={folder}/key.pem"]


@pytest.mark.parametrize("flags", [[], ["whip_flags=dtls_active"]], ids=["passive", "active"])
async def test_ffmpeg_publishes(server: Server, tmp_path: Path, flags: list[str]) -> None:
    """Whichever end begins DTLS. It leaves by DELETE."""
    token = server.access.issue(stream="v", speak=True, valid_s=60)
    options = [f"authorization={token}", *certificate(tmp_path), *flags]
    url = f"{server.url}/whip/v?language=nl"
    async with Listener(server.url, "v", "en", captions=["en"]) as listener:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.helpers.ffmpeg_whip", url, *options), stdin=PIPE
        )
        try:
            await listener.expect(wire.Caption, final("en", "low"), within_s=30)
            assert process.stdin is not None
            process.stdin.close()
            await until(lambda: not has_speaker(server, "v"))
            async with asyncio.timeout(10):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()  # noqa: ASYNC102
