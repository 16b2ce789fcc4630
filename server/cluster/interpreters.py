"""One interpreting machine, as a hub knows it: what it can do, and how busy it is."""

from dataclasses import dataclass, field
from typing import Final

from server.bus.messages import Heartbeat, Message, Models
from server.bus.protocol import Bus
from server.cluster.placement import Machine
from server.load import Load
from server.models.catalogue import Catalogue
from server.models.current import decoded

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
    _load: Load = field(default_factory=Load)
    _targets: dict[str, frozenset[str]] = field(default_factory=dict)
    _measured: str = ""  # the process whose load it is
    _asked_s: float = 0.0
    _heard_s: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether it can take streams, and its models are known."""
        return bool(self.worker) and self.catalogue is not None and not self.leaving

    @property
    def load(self) -> float:
        """The cores in use."""
        return self._load.latest

    def offers(self, now_s: float) -> Machine:
        """What it can do."""
        silent = now_s - self._heard_s > SILENT_S
        return Machine(
            self.cores,
            self._targets,
            self.load,
            leaving=self.leaving,
            silent=silent,
            draining=self.draining,
            highest=self._load.highest,
            detects=self.catalogue is not None and bool(self.catalogue.told_apart),
        )

    def beat(self, heartbeat: Heartbeat, now_s: float) -> None:
        """Take note of a heartbeat. What a process uses while it loads its models is no load."""
        self._heard_s = now_s
        if heartbeat.worker != self._measured or not heartbeat.ready:
            self._load.begin_anew()
            self._measured = heartbeat.worker
        if heartbeat.ready:
            self._load.add(heartbeat.cpu_s, now_s)

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
