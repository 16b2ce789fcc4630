"""How a speaker joins: to speak, into the wings of a stream, or to rehearse.

A rehearsal is a stream of its own, which nobody else knows: the speaker is heard and understood as
on stage, and reads it, while the stream that is rehearsed for stays as it is.
"""

import secrets
from collections.abc import Collection

from server.streams.registry import ConnectionManager, Dismiss, Session
from signaling.messages import JoinSpeaker


def join_speaker(
    manager: ConnectionManager,
    stream_id: str,
    address: str,
    join: JoinSpeaker,
    languages: Collection[str] | None,
    dismiss: Dismiss,
) -> Session:
    """Make the session that ``join`` asks for. ``languages``: those that it may speak; None: all.

    Raises ProtocolError: speaker_present, limit, unavailable.
    """
    alone = "rehearsal-" + secrets.token_urlsafe(12)
    session = manager.join_speaker(
        alone if join.rehearse else stream_id,
        address,
        join.language,
        dismiss,
        resume=None if join.rehearse else join.resume,
        take_over=join.take_over,
        languages=languages,
        wings=join.wings and not join.rehearse,
    )
    if join.rehearse:
        session.stream.is_private, session.stream.rehearses = True, stream_id
    return session
