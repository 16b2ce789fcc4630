"""Captions as WebVTT, the W3C's format for players."""

from typing import Final

from signaling.messages import Caption

HEADER: Final = b"WEBVTT\n\n"
#: A comment.
NOTE: Final = b"NOTE\n\n"
#: A cue is shown for at least so long: a short clause could not be read otherwise.
LEAST_MS: Final = 1_200


def cue(caption: Caption, shift_ms: int = 0) -> bytes:
    """The caption's cue, its times shifted; nothing if it would end before 0."""
    start, end = caption.start_ms + shift_ms, caption.end_ms + shift_ms
    end = max(end, start + LEAST_MS)
    if end <= 0:
        return b""
    text = " ".join(caption.text.split())
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, name)
    return f"{caption.segment}\n{_time(max(0, start))} --> {_time(end)}\n{text}\n\n".encode()


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"
