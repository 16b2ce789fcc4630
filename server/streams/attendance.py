"""Lets participants into streams, and counts them, whatever brings them: a WebSocket, or a plain
HTTP request."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from server.http.access import Access
from server.metrics import Metrics
from server.models.current import Current
from server.streams.guesses import Guesses
from server.streams.live_stream import LiveStream
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager, Dismiss, Session, language_of
from signaling.errors import ProtocolError
from signaling.messages import JoinListener


@dataclass(frozen=True)
class Attendance:
    """Checks a listener's token, channel and the limits; keeps sessions in their streams."""

    manager: ConnectionManager
    live: LiveStreams
    access: Access
    models: Current
    metrics: Metrics
    guesses: Guesses

    def join_listener(
        self, stream_id: str, address: str, join: JoinListener, dismiss: Dismiss
    ) -> Session:
        """Make a listener's session; it is to be kept by ``present``. Raises ProtocolError."""
        self.access.grants(join.token, stream_id).require("listen", language_of(join.channel))
        self.check_channel(join.channel)
        self.check_resume(join.resume, address)
        return self.manager.join_listener(
            stream_id,
            address,
            None if join.audio == "none" else join.channel,
            join.captions,
            dismiss,
            resume=join.resume,
        )

    def check_resume(self, resume: str | None, address: str) -> None:
        """Count a secret that no session has. Raises ProtocolError if too many came from this
        address: somebody is guessing."""
        if resume is not None and not self.manager.knows(resume):
            self.guesses.count(address, time.monotonic())

    def check_captions(self, stream_id: str, join: JoinListener) -> None:
        """Raises ProtocolError if the listener may not read the languages that it names, or names
        one that is neither spoken nor interpreted here."""
        grants = self.access.grants(join.token, stream_id)
        known = {*self.models.catalogue.sources, *self.models.catalogue.all_targets}
        for language in join.captions:
            grants.require("listen", language)
            if language not in known:
                raise ProtocolError(
                    "unknown_language",
                    f"There are no captions in {language!r} here, but in: "
                    f"{', '.join(sorted(known))}.",
                )

    def check_channel(self, channel: str, *, fatal: bool = True) -> None:
        """Raises ProtocolError if nothing is interpreted into the channel's language here."""
        language = language_of(channel)
        if language is not None and language not in self.models.catalogue.all_targets:
            raise ProtocolError(
                "unknown_channel",
                f"Nothing is interpreted into {language!r} here, but into: "
                f"{', '.join(self.models.catalogue.all_targets)}.",
                fatal=fatal,
            )

    @contextmanager
    def present(self, session: Session) -> Iterator[LiveStream]:
        """Keep the session in its stream while the body runs; yields the stream. It gets no
        messages until it is attached."""
        live = self.live.of(session.stream)
        self.metrics.joins.labels(session.role).inc()
        try:
            yield live
        finally:
            live.detach(session)
            was_speaking = session.stream.speaker is session
            self.manager.leave(session, time.monotonic())
            if was_speaking:
                live.finish()
