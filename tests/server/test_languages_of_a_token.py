"""A token for some languages: what its holder reads and hears, over a WebSocket as over HTTP."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, tolk, tone

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with tolk(tmp_path_factory.mktemp("state"), STAND_IN) as running:
        yield running


def token(server: Server) -> str:
    """A listener's, for English only."""
    return server.access.issue(listen=True, languages=["en"], valid_s=60)


async def reads(listener: Listener, speaker: Speaker) -> set[str]:
    """The languages of the captions that have come once another word is said."""
    since = len(listener.received)
    await speaker.play(tone(300))
    await listener.expect(wire.Caption, final("en", "low"), since=since)
    await listener.ask(wire.Ping(), wire.Pong)
    return {caption.language for _, caption in listener.captions}


async def test_captions_in_other_languages_are_left_out_and_that_is_told(server: Server) -> None:
    async with (
        Listener(server.url, "a", "en", captions=["en", "nl"], token=token(server)) as listener,
        Speaker(server.url, "a", "nl") as speaker,
    ):
        told = await listener.expect(wire.Error)
        assert (told.code, told.message) == ("forbidden", "this token is for en only, not nl")
        assert await reads(listener, speaker) == {"en"}
        since = len(listener.received)
        await listener.select(captions=["nl", "en"])
        assert (await listener.expect(wire.Error, since=since)).code == "forbidden"
        assert await reads(listener, speaker) == {"en"}


async def test_the_channel_stays_if_the_token_is_not_for_the_other(server: Server) -> None:
    async with Listener(server.url, "b", "en", token=token(server)) as listener:
        await listener.select("de")
        assert (await listener.expect(wire.Error)).code == "forbidden"
        (session,) = server.manager.streams["b"].listeners
        assert session.channel == "en"
        await listener.select("floor")  # the original is for everybody who may listen
        await listener.ask(wire.Ping(), wire.Pong)
        assert session.channel == "floor"


async def test_over_http_and_for_joining_the_same_languages_are_refused(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        for path, status in (
            ("/captions/c/en.vtt", 200),
            ("/captions/c/nl.vtt", 403),
            ("/listen/c/en.ogg", 200),
            ("/listen/c/de.ogg", 403),
        ):
            async with http.head(path, params={"token": token(server)}) as response:
                assert response.status == status, path
