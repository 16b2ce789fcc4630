"""Lets participants into streams, and counts them, whatever brings them: a WebSocket, or a plain
HTTP request."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic

from server.http.access import Access, Grants
from server.metrics import Metrics
from server.models.current import Current
from server.streams.guesses import Guesses
from server.streams.heard import H_co, Streams
from server.streams.logbook import Logbook
from server.streams.registry import ConnectionManager, Dismiss, Session, language_of
from server.streams.speakers import join_speaker
from signaling.errors import ProtocolError
from signaling.messages import AUTO, JoinListener, JoinSpeaker, JoinTalk
from signaling.protocol import parse_stream_id


@dataclass(frozen=True)
class Attendance(Generic[H_co]):
    """Checks tokens, languages and limits; keeps sessions in their streams, which are of one kind.
    An edge that has heard no hub yet knows no languages, and lets its listeners name any."""

    manager: ConnectionManager
    live: Streams[H_co]
    access: Access
    models: Current
    metrics: Metrics
    guesses: Guesses
    logbook: Logbook = field(default_factory=Logbook)

    def join_speaker(
        self, stream_id: str, address: str, join: JoinSpeaker, grants: Grants, dismiss: Dismiss
    ) -> Session:
        """Make a speaker's session; it is to be kept by ``present``. Raises ProtocolError."""
        may_begin = True
        try:
            self.check_spoken(grants, join.language)
        except ProtocolError:
            grants.require("speak")
            may_begin = False  # perhaps the language is chosen later
            if not join.wings:
                raise
        if join.take_over:
            grants.require("take_over")
        self.check_resume(join.resume, address)
        session = join_speaker(self.manager, stream_id, address, join, grants.languages, dismiss)
        session.may_begin = may_begin
        return session

    def join_talk(self, address: str, join: JoinTalk, dismiss: Dismiss) -> Session:
        """The same for somebody who hears their own interpretation."""
        self.access.grants(join.token, "").require("speak", join.language)
        _check_known(join.language, self.models.catalogue.sources)
        _check_known(join.target, self.models.catalogue.targets(join.language))
        return self.manager.join_talk(address, join.language, join.target, dismiss)

    def join_listener(
        self, stream_id: str, address: str, join: JoinListener, dismiss: Dismiss
    ) -> Session:
        """Make a listener's session; it is to be kept by ``present``. It gets no captions in
        languages that its token is not for. Raises ProtocolError."""
        grants = self.access.grants(join.token, stream_id)
        if join.monitor:
            grants.require("speak")
        else:
            grants.require("listen", language_of(join.channel))
        self.check_channel(join.channel)
        self.check_resume(join.resume, address)
        session = self.manager.join_listener(
            stream_id,
            address,
            None if join.audio == "none" else join.channel,
            join.captions if join.monitor else grants.among(join.captions),
            dismiss,
            resume=join.resume,
            claims=join.token is not None,
        )
        session.counts = 0 if join.monitor else 1
        return session

    def check_spoken(self, grants: Grants, language: str, *, fatal: bool = True) -> None:
        """Raises ProtocolError if the speaker may not speak ``language``, or AUTO."""
        try:
            grants.require("speak", None if language == AUTO else language)
            if language != AUTO:
                _check_known(language, self.models.catalogue.sources)
            elif not self.models.catalogue.told_apart:
                raise ProtocolError(
                    "unknown_language",
                    "No model here tells which language is spoken. Choose one of: "
                    f"{', '.join(self.models.catalogue.sources)}; or ask the host to install a "
                    "Whisper model of several languages.",
                )
            elif not grants.among(self.models.catalogue.told_apart):
                raise ProtocolError("forbidden", "this token is for no language spoken here")
        except ProtocolError as error:
            raise error.as_fatal(fatal) from None

    def check_heard(self, grants: Grants, languages: Iterable[str | None]) -> None:
        """Raises ProtocolError, which does not end the session, if the token is not for these."""
        try:
            for language in languages:
                grants.require("listen", language)
        except ProtocolError as error:
            raise error.as_fatal(False) from None

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
            if known and language not in known:
                raise ProtocolError(
                    "unknown_language",
                    f"There are no captions in {language!r} here, but in: "
                    f"{', '.join(sorted(known))}.",
                )

    def check_channel(self, channel: str, *, fatal: bool = True) -> None:
        """Raises ProtocolError if nothing is interpreted into the channel's language here."""
        language = language_of(channel)
        known = self.models.catalogue.all_targets
        if language is not None and known and language not in known:
            raise ProtocolError(
                "unknown_channel",
                f"Nothing is interpreted into {language!r} here, but into: {', '.join(known)}.",
                fatal=fatal,
            )

    @contextmanager
    def present(self, session: Session) -> Iterator[H_co]:
        """Keep the session in its stream while the body runs; yields the stream. It gets no
        messages until it is attached."""
        live = self.live.of(session.stream)
        self.metrics.joins.labels(session.role).inc()
        name = "" if session.stream.is_private else session.stream.id
        waits = session in session.stream.wings  # perhaps only a page that is open
        hears = session.stream.source if session.role == "speaker" else session.channel
        if not waits:
            self.logbook.joined(name, session.role, hears or "captions")
        try:
            yield live
        finally:
            live.detach(session)
            was_speaking = session.stream.speaker is session
            self.manager.leave(session, time.monotonic())
            if not waits or was_speaking:
                self.logbook.left(name, session.role)
            if was_speaking:
                live.finish()

    def refused(self, stream: str, role: str, error: ProtocolError) -> None:
        """Count somebody who was not let in, or sent away, and note it for operators. ``stream``:
        a name as it was given. The end of a stream has been noted already."""
        if error.code == "ended":
            return
        self.metrics.refused.labels(error.code).inc()
        resumed = error.code == "replaced" and role == "listener"
        if not resumed and not self.manager.draining:
            name = ""
            with suppress(ProtocolError):
                name = parse_stream_id(stream)
            self.logbook.refused(name, role, error)


def _check_known(language: str, known: Sequence[str]) -> None:
    if language not in known:
        raise ProtocolError(
            "unknown_language",
            f"There are no models for {language!r} here; there are for: {', '.join(known)}.",
        )
