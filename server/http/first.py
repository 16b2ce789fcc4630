"""What a page is told with itself, so that it need not ask: the languages, the stream's state, and
the streams that everybody may find.

What needs a token is not told, as the pages themselves are open to all.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from server.http.access import Access
from server.models.current import Current
from server.streams.heard import Heard, Streams

#: In ``--public-streams``: every stream.
ALL: Final = "*"


class Listed(Protocol):
    """A stream, here or at a hub."""

    @property
    def source(self) -> str | None:
        """The spoken language."""

    @property
    def has_place(self) -> bool:
        """Whether it is in use."""

    @property
    def has_speaker(self) -> bool:
        """Whether somebody speaks."""

    @property
    def is_private(self) -> bool:
        """Whether nobody is to find it."""


class Directory(Protocol):
    """All streams that there are."""

    @property
    def streams(self) -> Mapping[str, Listed]:
        """The streams by name."""


@dataclass(frozen=True)
class First:
    """``public``: names of streams that everybody may find, or ALL."""

    directory: Directory
    live: Streams[Heard]
    models: Current
    access: Access
    public: Collection[str]

    def languages(self) -> dict[str, object]:
        """The languages that can be spoken, the targets of each, whether the spoken language can
        be detected ("auto"), and the languages whose voice is hard to understand ("unclear")."""
        sources = self.models.catalogue.sources
        return {
            "sources": sources,
            "targets": {source: self.models.catalogue.targets(source) for source in sources},
            "auto": bool(self.models.catalogue.told_apart),
            "unclear": self.models.catalogue.unclear,
        }

    @property
    def channels(self) -> list[str]:
        """What an address may name as the language to hear: "floor", or a language."""
        return ["floor", *self.models.catalogue.all_targets]

    def of_a_stream(self, stream_id: str) -> dict[str, object]:
        """For a page of a stream."""
        told: dict[str, object] = {"languages": self.languages(), "streams": self.streams()}
        if self.access.everybody_may_listen:
            state = self.live.state(stream_id)
            told["session"] = msgspec.to_builtins(state) if state else {"state": "waiting"}
        return told

    def streams(self) -> list[dict[str, object]]:
        """The public streams in which somebody speaks. None, if listening needs a token."""
        if not self.access.everybody_may_listen:
            return []
        return [
            {"id": name, "source": stream.source}
            for name, stream in self.directory.streams.items()
            if self._is_public(name, stream)
        ]

    def meant(self, stream_id: str) -> str:
        """The name of the stream that somebody means who wrote ``stream_id``: the same, or that of
        the only stream in use which differs in capitals."""
        streams = self.directory.streams
        if stream_id in streams or not self.access.everybody_may_listen:
            return stream_id
        alike = [
            name
            for name, stream in streams.items()
            if stream.has_place and name.lower() == stream_id.lower()
        ]
        return alike[0] if len(alike) == 1 else stream_id

    def _is_public(self, name: str, stream: Listed) -> bool:
        listed = ALL in self.public or name in self.public
        return listed and stream.has_speaker and not stream.is_private
