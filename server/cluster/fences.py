"""Which hub an interpreter believes, if two have a stream of one name: that with the newest lease.
No I/O, no clock of its own."""

from typing import Final, NamedTuple

#: A hub that has said nothing of a stream for so long is forgotten. It asks once a second.
FORGET_S: Final = 5.0


class _Fence(NamedTuple):
    hub: str
    epoch: int
    heard_s: float


class Fences:
    """The newest leases known, by stream. Hubs without one are believed where nobody has one."""

    def __init__(self) -> None:
        self._known: dict[str, _Fence] = {}

    def asks(self, hub: str, stream: str, epoch: int, now_s: float) -> bool:
        """A hub asks for a stream, with the ``epoch`` of its lease; 0: it has none. Returns whether
        it is believed. One that is not gets nothing more interpreted."""
        for name, fence in list(self._known.items()):
            if now_s - fence.heard_s > FORGET_S:
                del self._known[name]
        known = self._known.get(stream)
        if known is not None and known.hub != hub and epoch <= known.epoch:
            return False
        if known is not None and known.hub == hub and not epoch:
            epoch = known.epoch  # given back; what was said last is still interpreted
        if epoch:
            self._known[stream] = _Fence(hub, epoch, now_s)
        return True

    def believes(self, hub: str, stream: str) -> bool:
        """Whether the hub may say something of the stream."""
        known = self._known.get(stream)
        return known is None or known.hub == hub
