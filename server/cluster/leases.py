"""Which of several hubs has a stream: the one with the lease on its name.

- A hub has a lease on each stream that somebody speaks in at it, and renews it every ``RENEW_S``.
- A lease that was not seen to be renewed at ``LEASE_LOOKS`` looks, which takes 3 s, is anybody's.
  No clocks are compared. Looks are counted, as a hub's own loop may have been late.
- The epoch of a lease is the revision at which its hub got it, so it rises from hub to hub.
  Interpreters drop what a hub with an older one says of the stream: see ``fences``.
- A hub that finds another with the lease on its stream sends its own speaker away.
- Without records (NATS is gone, or has no JetStream) every hub goes on with what it has.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from server.bus.messages import Demand
from server.bus.records import Record, Records
from server.decoding import understood

RENEW_S: Final = 1.0
LOOK_S: Final = 0.25
LEASE_LOOKS: Final = 12
#: A hub that has not renewed at so many looks may be lost.
LATE_LOOKS: Final = 6
#: What nobody has is forgotten after so many looks, a minute or more. If it is wanted then, it is
#: found again.
FORGET_LOOKS: Final = 240
#: How long giving all back takes at most, when this hub ends.
BYE_S: Final = 0.5


class Holder(msgspec.Struct, frozen=True, array_like=True):
    """A hub. ``url``: where people reach it; "" if it has none of its own. Without a ``hub`` the
    lease was given back."""

    hub: str
    url: str = ""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self.url or self.hub


_decoder = msgspec.msgpack.Decoder(Holder)
_NOBODY: Final = Holder("")


@dataclass
class _Lease:
    """``looks``: how many since its revision changed. ``lives``: it was heard when it was written,
    and not only found. ``epoch``: the revision at which this hub got it; ``renewed_s``: when it
    last wrote it."""

    holder: Holder
    revision: int
    lives: bool
    renewed_s: float
    looks: int = 0
    epoch: int = 0


class Leases:
    """The leases that this hub has, or knows. ``name``, ``url``: of this hub. ``run`` must be
    running; it runs ``records``, too.

    ``spoken``: the streams that somebody speaks in here. ``on_held``: called when the lease on a
    stream is this hub's; ``on_lost`` when it is that of another, although somebody speaks here.
    """

    def __init__(self, records: Records, name: str, url: str) -> None:
        self.spoken: Callable[[], Collection[str]] = tuple
        self.on_held: Callable[[str], None] = lambda stream: None
        self.on_lost: Callable[[str, Holder], None] = lambda stream, holder: None
        self._records = records
        self._own = Holder(name, url)
        self.name: Final = name
        self._leases: dict[str, _Lease] = {}
        self._taken = set[str]()
        self._wake = asyncio.Event()
        records.heard = self._heard

    def elsewhere(self, stream: str) -> Holder | None:
        """The other hub that has the stream; None if no other has it."""
        lease = self._leases.get(stream)
        return lease.holder if lease is not None and self._is_anothers(lease) else None

    def is_sure(self, stream: str) -> bool:
        """Whether that hub was heard just now. Otherwise it may be lost, and this one may have the
        stream soon."""
        lease = self._leases.get(stream)
        return lease is not None and lease.lives and lease.looks < LATE_LOOKS

    def held(self, demand: Demand) -> Demand:
        """What this hub may ask interpreters for: nothing if another one has the stream."""
        lease = self._leases.get(demand.stream)
        if lease is None:
            return demand
        if self._is_anothers(lease) and lease.lives:
            return msgspec.structs.replace(demand, speech=(), text=(), captions=False)
        return msgspec.structs.replace(demand, lease=lease.epoch)

    def take(self, stream: str) -> None:
        """Take the lease from whoever has it, for a speaker who may."""
        self._taken.add(stream)
        self.look()

    def look(self) -> None:
        """Who speaks where has changed."""
        self._wake.set()

    async def run(self) -> None:
        """Get, renew and give back leases until cancelled; then give all back."""
        async with asyncio.TaskGroup() as group:
            records = group.create_task(self._records.run(), name="records")
            due_s = asyncio.get_running_loop().time() + LOOK_S
            try:
                while True:
                    try:
                        async with asyncio.timeout_at(due_s):
                            await self._wake.wait()
                    except TimeoutError:
                        self._count_looks()
                        due_s = asyncio.get_running_loop().time() + LOOK_S
                    self._wake.clear()
                    await self._look(set(self.spoken()))
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BYE_S):
                        await self._look(set())
                records.cancel()

    def _count_looks(self) -> None:
        """A look has passed. Those whose hub has given them back, or is long gone, are forgotten:
        streams may have thousands of names."""
        for stream, lease in list(self._leases.items()):
            lease.looks += 1
            if lease.looks >= FORGET_LOOKS and not lease.epoch:
                del self._leases[stream]

    async def _look(self, spoken: set[str]) -> None:
        """Get or renew the leases on the streams in ``spoken``, and give back the others."""
        self._taken &= spoken
        own = {stream for stream, each in self._leases.items() if each.epoch}
        if not self._records.there:
            # What others have is not known any more. What is ours will be renewed, or found lost.
            self._leases = {stream: self._leases[stream] for stream in own}
            return
        async with asyncio.TaskGroup() as group:
            for stream in spoken:
                group.create_task(self._keep(stream), name="lease")
            for stream in own - spoken:
                group.create_task(self._give_back(stream), name="lease")

    def _is_anothers(self, lease: _Lease) -> bool:
        return lease.holder not in (self._own, _NOBODY) and lease.looks < LEASE_LOOKS

    async def _keep(self, stream: str) -> None:
        """Get or renew the lease on a stream that somebody speaks in; or end that."""
        lease = self._leases.get(stream)
        if lease is None:
            await self._write(stream, self._own, 0)
        elif lease.epoch:
            if _now() - lease.renewed_s >= RENEW_S:
                await self._write(stream, self._own, lease.revision)
        elif stream in self._taken or not self._is_anothers(lease):
            await self._write(stream, self._own, lease.revision)
        elif lease.lives:
            self.on_lost(stream, lease.holder)

    async def _give_back(self, stream: str) -> None:
        lease = self._leases[stream]
        await self._write(stream, _NOBODY, lease.revision)

    async def _write(self, stream: str, holder: Holder, over: int) -> None:
        try:
            record = await self._records.write(stream, msgspec.msgpack.encode(holder), over)
        except OSError:
            return  # the next round tries again
        if record.revision == 0:
            self._leases.pop(stream, None)
        else:
            self._note(record, lives=False)

    def _heard(self, record: Record) -> None:
        self._note(record, lives=True)

    def _note(self, record: Record, lives: bool) -> None:
        """A record was heard, found or written."""
        try:
            holder = understood(_decoder, record.value)
        except msgspec.DecodeError:
            return  # of another release: as if it were not there
        known = self._leases.get(record.key)
        if known is not None and record.revision <= known.revision:
            return
        lease = _Lease(holder, record.revision, lives, _now())
        self._leases[record.key] = lease
        had = known is not None and known.epoch > 0
        if holder == self._own:
            lease.epoch = known.epoch if known is not None and had else record.revision
            self._taken.discard(record.key)
            if not had:
                self.on_held(record.key)
        elif had or not lives:
            self.look()


def _now() -> float:
    return asyncio.get_running_loop().time()
