"""Captions as WebVTT, the W3C's format for players."""

from typing import Final

from server.subtitles import LEAST_S, Cue, vtt_cue
from signaling.messages import Caption

HEADER: Final = b"WEBVTT\n\n"
#: A comment.
NOTE: Final = b"NOTE\n\n"


def cue(caption: Caption, shift_ms: int = 0) -> bytes:
    """The caption's cue, its times shifted; nothing if it would end before 0."""
    start_s, end_s = ((at_ms + shift_ms) / 1000 for at_ms in (caption.start_ms, caption.end_ms))
    end_s = max(end_s, start_s + LEAST_S)
    if end_s <= 0:
        return b""
    made = vtt_cue(Cue(max(0.0, start_s), end_s, " ".join(caption.text.split())))
    return f"{caption.segment}\n{made}\n".encode()
