"""The types of the messages' fields; see ``messages``."""

from typing import Annotated, Final, Literal

import msgspec

#: A stream's name. It is part of a URL, so it has no character that needs escaping.
StreamId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
#: A BCP 47 language tag of the forms that models have ("nl", "en", "pt-BR").
Language = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", max_length=35)
]
#: In place of a language tag: the server detects the language.
AUTO: Final = "auto"
#: What a speaker speaks: a language, or AUTO.
SpokenLanguage = Annotated[
    str, msgspec.Meta(pattern=r"^(auto|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)\Z", max_length=35)
]
#: What a listener hears: "floor", a language ("en"), or a language over the quiet floor.
ChannelName = Annotated[
    str,
    msgspec.Meta(pattern=r"^(floor|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*(\+floor)?)\Z", max_length=41),
]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
#: A person's name, as others are to read it: something visible, no control characters.
PersonName = Annotated[str, msgspec.Meta(pattern=r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,60}\Z")]
#: The transport of the audio: a PeerConnection, this WebSocket (from a speaker: "socket" for PCM,
#: "socket-opus" for Opus in RTP packets), or none (captions only).
SpeakerAudio = Literal["webrtc", "socket", "socket-opus"]
ListenerAudio = Literal["webrtc", "socket", "none"]

StreamState = Literal["waiting", "live", "paused", "ended"]
#: What is kept in files: the sound of the channels, the captions, or both.
Recorded = Literal["audio", "text"]
ChannelStatus = Literal["starting", "live", "fallback"]
#: Why a listener hears the floor (the original) instead: the language's models fail ("broken") or
#: are too slow; the interpreter restarts; the machine has no room for another language ("full").
FallbackReason = Literal["broken", "slow", "restarting", "full"]
CaptionStatus = Literal["partial", "final", "clear"]
ErrorCode = Literal[
    "bad_message",  # not JSON, of no known type, or with wrong fields
    "out_of_order",  # not allowed now: before the join, or a second join
    "too_large",
    "bad_sdp",  # an offer that the server does not accept; the message says why
    "bad_stream",
    "unknown_language",
    "unknown_channel",
    "unauthorised",  # a token is needed, or this one is not valid
    "forbidden",  # the token does not grant this, or the page's origin is not allowed
    "speaker_present",  # the stream has a speaker; resume or take over
    "limit",  # too many connections or messages; see retry_after_s
    "replaced",  # another connection resumed this session
    "taken_over",  # another speaker took over
    "ended",  # an operator has ended the stream
    "timeout",  # no sound or no connection in time
    "elsewhere",  # this server does not do that; url says which one does
    "unavailable",  # the server is shutting down or not ready
    "internal",
]
