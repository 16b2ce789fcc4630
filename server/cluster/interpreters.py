"""One interpreting machine, as a hub knows it: what it can do, and how busy it is."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from server.bus.messages import Heartbeat, Message, Models
from server.bus.protocol import Bus
from server.cluster.placement import Machine
from server.models.catalogue import Catalogue
from server.models.current import decoded

#: The load is averaged over about so many heartbeats.
AVERAGED: Final = 8
#: The highest load of so long is kept.
LOOK_BACK_S: Final = 60.0
#: The shortest time between two requests to a machine to say which models it has.
ASK_AGAIN_S: Final = 5.0
#: A machine that was not heard for so long may be lost. It has a heartbeat twice a second.
SILENT_S: Final = 1.0


@dataclass
class Interpreter:
    """A machine that interprets. ``worker``: its present process; "" while none is ready.
    ``version``: of its models. ``leaving``: it will end soon. ``draining``: an operator wants its
    streams to go to others."""

    name: str
    bus: Bus[Message]
    cores: float
    draining: bool = False
    worker: str = ""
    version: str = ""
    catalogue: Catalogue | None = None
    leaving: bool = False
    load: float = 0.0
    _loads: deque[tuple[float, float]] = field(default_factory=deque)  # when, how much
    _targets: dict[str, frozenset[str]] = field(default_factory=dict)
    _spent: tuple[float, float, str] | None = None  # when, CPU seconds, the process
    _asked_s: float = 0.0
    _heard_s: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether it can take streams, and its models are known."""
        return bool(self.worker) and self.catalogue is not None and not self.leaving

    def offers(self, now_s: float) -> Machine:
        """What it can do."""
        silent = now_s - self._heard_s > SILENT_S
        highest = max((load for _, load in self._loads), default=self.load)
        return Machine(
            self.cores,
            self._targets,
            self.load,
            leaving=self.leaving,
            silent=silent,
            draining=self.draining,
            highest=highest,
            detects=self.catalogue is not None and bool(self.catalogue.told_apart),
        )

    def beat(self, heartbeat: Heartbeat, now_s: float) -> None:
        """Take note of a heartbeat. What a process uses while it loads its models is no load."""
        cpu_s, self._heard_s = heartbeat.cpu_s, now_s
        if self._spent is not None and self._spent[2] == heartbeat.worker:
            then_s, before_s, _ = self._spent
            latest = (cpu_s - before_s) / max(0.1, now_s - then_s)
            self.load += (latest - self.load) / AVERAGED
            self._loads.append((now_s, self.load))
            while now_s - self._loads[0][0] > LOOK_BACK_S:
                self._loads.popleft()
        self._spent = (now_s, cpu_s, heartbeat.worker) if heartbeat.ready else None

    def lacks_models(self, heartbeat: Heartbeat, now_s: float) -> bool:
        """Whether the message about its models was lost, so that it is to be asked now."""
        known = not heartbeat.version or heartbeat.version == self.version
        if known or now_s - self._asked_s < ASK_AGAIN_S:
            return False
        self._asked_s = now_s
        return True

    def told(self, models: Models) -> bool:
        """Take note of its models. Returns whether they are other ones than before. Raises
        msgspec.DecodeError if it says what cannot be understood."""
        if models.problem or models.version == self.version:
            return False
        known = self.catalogue = decoded(models.manifest)
        self._targets = {each: frozenset(known.targets(each)) for each in known.recognizers}
        self.version = models.version
        return True
