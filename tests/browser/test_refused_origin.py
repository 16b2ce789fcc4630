"""A page behind a proxy that keeps the address to itself, and a server that was not told of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.serving import ServerProcess

pytestmark = pytest.mark.browser

PATIENCE_MS = 20_000


@contextmanager
def naming_itself(upstream: int) -> Iterator[int]:
    """A proxy that asks the server for its own name, as nginx does by default. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=_pass, args=(client, upstream), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _pass(client: socket.socket, upstream: int) -> None:
    """One request and its answer."""
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", upstream)) as server:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := client.recv(65_536)):
                return
            head += data
        lines = head.split(b"\r\n")
        changed = [
            b"Host: 127.0.0.1:%d" % upstream
            if line.lower().startswith(b"host:")
            else b"Connection: close"
            if line.lower() == b"connection: keep-alive"
            else line
            for line in lines
        ]
        server.sendall(b"\r\n".join(changed))
        while data := server.recv(65_536):
            client.sendall(data)


def test_listeners_and_speakers_read_what_the_host_must_do(
    staged: ServerProcess, browser: Browser
) -> None:
    with naming_itself(staged.port) as port, browser.new_context(locale="en-GB") as context:
        listener, speaker = context.new_page(), context.new_page()
        listener.goto(f"http://127.0.0.1:{port}/listen/hall")
        speaker.goto(f"http://127.0.0.1:{port}/speak/hall")
        speaker.select_option("#language", "nl")
        speaker.click("#button")
        for page in (listener, speaker):
            expect(page.locator("body")).to_contain_text("--public-url", timeout=PATIENCE_MS)
