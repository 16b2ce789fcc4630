"""What all live streams share."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from server.bus import messages as bus_messages
from server.bus.protocol import Bus
from server.media.pacer import Pacer
from server.metrics import Metrics
from server.models.current import Current
from server.recording.recordings import Recordings
from server.streams.admission import Admission
from server.streams.logbook import Logbook


@dataclass(frozen=True)
class StreamContext:
    """What all live streams share. ``linger_s``: how long a language is interpreted after its last
    listener left."""

    bus: Bus[bus_messages.Message]
    pacer: Pacer
    models: Current
    metrics: Metrics
    admission: Admission
    linger_s: float
    clock: Callable[[], float] = time.monotonic
    recordings: Recordings = field(default_factory=Recordings)
    logbook: Logbook = field(default_factory=Logbook)
