"""The other servers at which a stream's listeners can listen as well, as far as they are known."""

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

#: How many a page is told.
TOLD: Final = 2
#: An edge has its share if it has so many times the mean of listeners, and so many at least.
SHARE: Final = 1.25
LEAST_SHARE: Final = 100
#: How long pages of a server that is gone may connect: they wake up late, and try again.
REMEMBERED_S: Final = 3600.0


class Others:
    """``origins``: of pages that may connect here: the given ones, and those of other servers, as
    a page goes on at another one if its own is lost. So those of lost servers are in it for an
    hour. The list is always the same object."""

    def __init__(
        self, given: Sequence[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.origins = list(given)
        self._given = list(given)
        self._clock = clock
        self._known_s: dict[str, float] = {}
        self._loads: dict[str, int] = {}

    def know(self, loads: Mapping[str, int], hubs: Sequence[str] = ()) -> None:
        """``loads``: the number of listeners at each edge, by the URL at which people reach it.
        ``hubs``: those of hubs."""
        self._loads = dict(loads)
        now_s = self._clock()
        self._known_s |= {origin_of(url): now_s for url in (*loads, *hubs)}
        self._known_s = {
            origin: known_s
            for origin, known_s in self._known_s.items()
            if now_s - known_s < REMEMBERED_S
        }
        self.origins[:] = dict.fromkeys([*self._given, *self._known_s])

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
    scheme, _, rest = url.lower().partition("://")
    usual = {"https": ":443", "http": ":80"}.get(scheme, "")
    return f"{scheme}://{rest.partition('/')[0].removesuffix(usual)}"
