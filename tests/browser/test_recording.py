"""The pages say that a stream is recorded, before anybody speaks and while."""

import json
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.people import OpenPage, begin_speaking
from tests.browser.serving import ServerProcess

pytestmark = pytest.mark.browser


def switch(server: ServerProcess, kinds: list[str]) -> None:
    """What an operator does."""
    request = urllib.request.Request(
        f"{server.url}/api/streams/kept/recording",
        data=json.dumps({"recording": kinds}).encode(),
        headers={"Authorization": f"Bearer {server.token(stream='kept', operate=True)}"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=10).close()


def test_everybody_sees_that_the_stream_is_recorded(
    open_page: OpenPage, server: ServerProcess
) -> None:
    switch(server, ["audio", "text"])
    paths = ("/speak/kept", "/listen/kept", "/captions/kept?language=en")
    speaker, listener, hall = pages = [open_page(path) for path in paths]
    for page in pages:
        expect(page.locator("#recording")).to_have_text("Sound and captions are recorded.")
    begin_speaking(speaker)
    switch(server, ["text"])
    for page in pages:
        expect(page.locator("#recording")).to_have_text("The captions are recorded.")
    switch(server, [])
    for page in pages:
        expect(page.locator("#recording")).to_be_empty()
    assert not listener.locator("#recording").is_visible()
    assert not hall.locator("#recording").is_visible()
