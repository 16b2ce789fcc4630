"""The other servers at which a stream's listeners can listen as well, as far as they are known."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final
from urllib.parse import urlsplit

#: How many a page is told.
TOLD: Final = 2
#: An edge has its share if it has so many times the mean of listeners, and so many at least.
SHARE: Final = 1.25
LEAST_SHARE: Final = 100


class Others:
    """``origins``: of pages that may connect here: the given ones, and those of other servers, as
    a page goes on at another one if its own is lost. The list is always the same object."""

    def __init__(self, given: Sequence[str] = ()) -> None:
        self.origins = list(given)
        self._given = list(given)
        self._loads: dict[str, int] = {}

    def know(self, loads: Mapping[str, int], hubs: Sequence[str] = ()) -> None:
        """``loads``: the number of listeners at each edge, by the URL at which people reach it.
        ``hubs``: those of hubs."""
        self._loads = dict(loads)
        urls = [origin_of(url) for url in (*loads, *hubs)]
        self.origins[:] = dict.fromkeys([*self._given, *urls])

    def best(self, stream: str = "", besides: str = "") -> list[str]:
        """The edges for a listener of ``stream``, the best first, without the one at ``besides``.

        A stream's listeners stay together, as NATS sends a copy to each edge that has some; but
        not at an edge that has its share: consistent hashing with bounded loads (Mirrokni, Thorup,
        Zadimoghaddam 2018). If all have, the one with the fewest is the best."""
        mean = sum(self._loads.values()) / max(1, len(self._loads))
        share = max(SHARE * mean, LEAST_SHARE)

        def rank(url: str) -> tuple[int, bytes]:
            lot = blake2b(f"{stream}/{url}".encode(), digest_size=8).digest()
            return self._loads[url] if self._loads[url] >= share else 0, lot

        return sorted((url for url in self._loads if url != besides), key=rank)[:TOLD]

    def sent(self, url: str) -> None:
        """Somebody was sent there, whom it has not counted yet."""
        self._loads[url] += 1


def origin_of(url: str) -> str:
    """The origin of pages at ``url``, as browsers write it: without the scheme's usual port."""
    parts = urlsplit(url.lower())
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual)}"
