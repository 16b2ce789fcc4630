"""A camera's RTSP server (RFC 2326), as far as a client needs it to play: L16 inside the TCP
connection."""

import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from server.media.opus import Pcm

_SDP = "\r\n".join(
    [
        *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0"),
        *("m=audio 0 RTP/AVP 97", "a=rtpmap:97 L16/48000/1", "a=control:track1", ""),
    ]
)
_ANSWERS = {
    "OPTIONS": (["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"], ""),
    "DESCRIBE": (["Content-Type: application/sdp"], _SDP),
    "SETUP": (["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"], ""),
    "PLAY": (["Session: 1"], ""),
}
#: Samples in a packet: 10 ms.
_STEP = 480


class _Camera(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        stop = threading.Event()
        while (line := self.rfile.readline().decode(errors="replace")).strip():
            method, number = line.split()[0], "0"
            while (header := self.rfile.readline().decode(errors="replace")).strip():
                if header.lower().startswith("cseq:"):
                    number = header.split(":")[1].strip()
            headers, body = _ANSWERS.get(method, ([], ""))
            lines = ["RTSP/1.0 200 OK", f"CSeq: {number}", *headers, f"Content-Length: {len(body)}"]
            self.wfile.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
            if method == "PLAY":
                threading.Thread(target=self._play, args=(stop,), daemon=True).start()
        stop.set()

    def _play(self, stop: threading.Event) -> None:
        server = self.server
        assert isinstance(server, _Server)
        began_s = time.monotonic()
        played = 0
        for number in range(1 << 16):
            part = np.zeros(_STEP, np.int16)
            if server.begin is None or server.begin.is_set():
                at = played % (server.pcm.size // _STEP) * _STEP
                part = server.pcm[at : at + _STEP]
                played += 1
            header = struct.pack("!BBHII", 0x80, 97, number, number * _STEP, 7)
            packet = header + part.astype(">i2").tobytes()
            try:
                self.wfile.write(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
            except OSError:
                return
            if server.stop.is_set() or stop.wait(
                max(0.0, began_s + number * 0.01 - time.monotonic())
            ):
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    pcm: Pcm
    begin: threading.Event | None
    stop: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone."""


@contextmanager
def camera(
    pcm: Pcm | None = None, begin: threading.Event | None = None, port: int = 0
) -> Iterator[str]:
    """A camera that sends ``pcm`` (int16 mono at 48 kHz), again and again; by default a tone of
    440 Hz. Yields its URL. ``begin``: until it is set, silence is sent."""
    server = _Server(("127.0.0.1", port), _Camera)
    tone = 10_350 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    server.pcm = tone.astype(np.int16) if pcm is None else pcm
    server.begin, server.stop = begin, threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"rtsp://127.0.0.1:{server.server_address[1]}/stream1"
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
