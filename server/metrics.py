"""Prometheus metrics of one server, in base units. No label names a person or a stream."""

import asyncio
import collections
import functools
import threading
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from server.bus.replay import ReplayCounts
from server.media.counts import JitterCounts, PlayoutCounts, SocketCounts
from server.recording.counts import RecordingCounts

#: From hardly noticeable to unusable, in steps that people notice.
LAG_BUCKETS_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0)
LATE_BUCKETS_S = (0.001, 0.002, 0.005, 0.010, 0.020, 0.040, 0.060, 0.100, 0.250, 1.0)

#: These metrics are counted elsewhere and read at each scrape. "so far": since the server started.
UPLINK = {
    "came": "Packets received from speakers so far",
    "late": "Packets from speakers that arrived after their playout time so far",
    "doubled": "Duplicate packets from speakers so far",
    "copied": "Lost packets from speakers recovered from a copy in a later packet so far",
    "asked_for": "Retransmissions requested from speakers (NACK) so far",
    "came_again": "Packets from speakers that arrived as a retransmission so far",
    "overflowed": "Packets from speakers dropped because the jitter buffer was full so far",
    "restarts": "Jumps in speakers' RTP timestamps so far",
    "missing_samples": "Samples of speakers at 48 kHz that were concealed or silent so far",
    "delay_seconds": "Playout delay of a speaker's audio in the jitter buffer, latest value",
}
SOCKET = {
    "filled_seconds": "Silence inserted in the audio of speakers on a WebSocket so far",
    "dropped_seconds": "Audio of speakers on a WebSocket dropped so far, to keep its delay low",
    "restarts": "Jumps in the timestamps of speakers on a WebSocket so far",
}
PLAYOUT = {
    "sent": "Packets of channels sent so far, counted once for every listener",
    "forwarded": "Packets among those sent that are the speaker's own, not encoded anew",
    "silent": "Packets of silence not sent so far, counted once for every listener",
    "floor_dropped_samples": "Samples of speakers and interpreters at 48 kHz left out to keep up",
    "floor_underruns": "Times that the audio of a speaker or interpreter ran out so far",
    "dropped_clauses": "Interpreted clauses not played so far: too much speech was waiting",
    "failed": "20 ms ticks of single channels lost to a bug so far; the log has the first",
}
REPLAY = {
    "dropped_samples": "Speakers' samples at 16 kHz given up: too many waited to be interpreted",
    "skipped_samples": "Speakers' samples at 16 kHz given up: two interpreters were lost on them",
}
FAN_OUT = {
    "dropped": "Packets of listeners not sent: the kernel had no room, or their time had passed",
    "as_red": "Packets sent with copies of earlier ones (RED) to listeners with loss so far",
    "sent_again": "Packets retransmitted to listeners so far",
    "not_sent_again": "Requested retransmissions not sent (too old, or over the limit) so far",
}
RECORDING = {
    "running": "Recordings that are being written now",
    "bytes": "Bytes of recordings written so far",
    "stopped": "Recordings stopped by the disk or a limit so far",
    "dropped": "Seconds of recordings not written so far, as the disk was too slow or failed",
}
#: Reported by each edge (a further media process).
EDGE = {
    "ready": "1 if the edge, a further media process, accepts listeners, else 0",
    "listeners": "Listeners connected to the edge now",
    "cpu_seconds": "CPU time of the edge's present process",
    "resident_bytes": "Resident memory of the edge",
    "late_seconds": "Largest delay of a packet on its way to the edge in the last half second",
    "restarts": "Processes of the edge lost so far",
}


class Metrics:
    """All metrics of a server, in its own registry, so that one process can run two servers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._add_process()
        self._add_participants()
        self._add_packets()
        self._add_interpretation()
        self._add_edges()

    def _add_process(self) -> None:
        tasks = self._gauge("tolk_tasks", "asyncio tasks of the media process now")
        tasks.set_function(lambda: len(asyncio.all_tasks()))
        threads = self._gauge("tolk_threads", "Python threads of the media process now")
        threads.set_function(threading.active_count)
        self.loop_lag = self._gauge("tolk_loop_lag_seconds", "How late the event loop last woke up")
        self.send_late = Histogram(
            "tolk_send_late_seconds",
            "How late a 20 ms tick ran",
            buckets=LATE_BUCKETS_S,
            registry=self.registry,
        )
        self.ticks_skipped = self._gauge(
            "tolk_ticks_skipped", "20 ms ticks skipped so far because they were too late"
        )
        self.ticks_failed = self._gauge(
            "tolk_ticks_failed", "20 ms ticks of single streams lost to a bug so far"
        )
        self.dropped = self._counter(
            "tolk_dropped", "Items dropped: too late, or a queue was full", "where"
        )

    def _add_participants(self) -> None:
        self.listeners = self._gauge("tolk_listeners", "Listeners connected now")
        self.speakers = self._gauge("tolk_speakers", "Speakers connected now")
        self.interpreters = self._gauge(
            "tolk_interpreters", "People who may interpret, connected now", "state"
        )
        self.handovers = self._counter(
            "tolk_handovers", "Languages handed over to a person or to the machine", "to"
        )
        self.streams = self._gauge("tolk_streams", "Streams that take a place now")
        self.joins = self._counter("tolk_joins", "Sessions admitted", "role")
        self.refused = self._counter("tolk_refused", "Requests refused", "code")

    def _add_packets(self) -> None:
        #: Counted by every connection, by reason.
        self.hostile_counts: collections.Counter[str] = collections.Counter()
        self.hostile = self._gauge(
            "tolk_hostile_datagrams",
            "Datagrams and packets dropped so far: hostile, malformed, or too many",
            "reason",
        )
        #: Counted by the jitter buffer of every speaker.
        self.uplink_counts = JitterCounts()
        self._read("tolk_uplink", UPLINK, functools.partial(getattr, self.uplink_counts))
        #: Counted by the receiver of every speaker on a WebSocket.
        self.socket_counts = SocketCounts()
        self._read("tolk_uplink_socket", SOCKET, functools.partial(getattr, self.socket_counts))
        #: Counted by the playout of every stream.
        self.playout_counts = PlayoutCounts()
        self._read("tolk_downlink", PLAYOUT, functools.partial(getattr, self.playout_counts))
        #: Counted by the fan-out of each media process.
        self.fan_out_counts: collections.Counter[str] = collections.Counter()
        self._read("tolk_downlink", FAN_OUT, self.fan_out_counts.__getitem__)

        #: Counted by all recordings.
        self.recording_counts = RecordingCounts()
        self._read("tolk_recording", RECORDING, functools.partial(getattr, self.recording_counts))

    def _add_interpretation(self) -> None:
        self.ear_voice_span = Histogram(
            "tolk_ear_voice_span_seconds",
            "From the end of a spoken clause to the start of its interpretation",
            ["language"],
            buckets=LAG_BUCKETS_S,
            registry=self.registry,
        )
        self.backlog = self._gauge(
            "tolk_speech_backlog_seconds",
            "Synthesized speech waiting to be played, of the stream with most",
            "language",
        )
        self.without_room = self._gauge(
            "tolk_without_room",
            "Languages wanted, and streams with a speaker, that there is no room for now",
            "what",
        )
        by_stage = ("stage", "language")
        self.stage = self._counter("tolk_stage_seconds", "Time in engine calls", *by_stage)
        self.stage_calls = self._counter("tolk_stage_calls", "Engine calls", *by_stage)
        self.replayed = self._counter(
            "tolk_replayed_chunks", "Audio chunks sent again to a new interpreter"
        )
        #: Counted by the replay of every stream.
        self.replay_counts = ReplayCounts()
        self._read("tolk_replay", REPLAY, functools.partial(getattr, self.replay_counts))
        self._add_interpreters()

    def _add_interpreters(self) -> None:
        self.interpreter_ready = self._gauge(
            "tolk_interpreter_ready", "1 if an interpreter has loaded its models, else 0"
        )
        self.interpreter_spare = self._gauge(
            "tolk_interpreter_spare", "1 if a spare interpreter waits to replace a lost one, else 0"
        )
        self.interpreter_restarts = self._gauge(
            "tolk_interpreter_restarts", "Interpreter processes lost so far"
        )
        self.interpreter_cpu = self._gauge(
            "tolk_interpreter_cpu_seconds", "CPU time of the present interpreter process"
        )
        self.interpreter_memory = self._gauge(
            "tolk_interpreter_resident_bytes", "Resident memory of the interpreter process"
        )
        self.interpreter_dropped = self._gauge(
            "tolk_interpreter_dropped", "Items dropped by the present interpreter process", "where"
        )
        self.bus_dropped = self._gauge(
            "tolk_bus_dropped", "Bus messages dropped so far", "direction"
        )

    def add_machines(self, ready: Callable[[], float], up: Callable[[], float]) -> None:
        """Show how many machines are ``ready`` to interpret, and whether NATS is ``up``."""
        machines = self._gauge("tolk_machines", "Machines that are ready to interpret now")
        machines.set_function(ready)
        self._gauge("tolk_bus_up", "1 if NATS is connected, else 0").set_function(up)

    def add_edge_machines(
        self, linked: Callable[[], float], dropped: Callable[[], Mapping[str, int]]
    ) -> None:
        """Show how many edges on other machines are ``linked``, and what was ``dropped``."""
        edges = self._gauge("tolk_edges", "Edges on other machines with listeners here now")
        edges.set_function(linked)
        for where in dropped():
            count = functools.partial(lambda name: dropped()[name], where)
            self.bus_dropped.labels(where).set_function(count)

    def add_hubs(self, known: Callable[[], float], up: Callable[[], float]) -> None:
        """Show how many hubs an edge knows, and whether NATS is ``up``."""
        self._gauge("tolk_hubs", "Hubs that are there now").set_function(known)
        self._gauge("tolk_bus_up", "1 if NATS is connected, else 0").set_function(up)

    def _add_edges(self) -> None:
        #: The metrics of EDGE by name; each has the edge as a label.
        self.edges = {
            name: self._gauge(f"tolk_edge_{name}", text, "edge") for name, text in EDGE.items()
        }
        self.edge_dropped = self._gauge(
            "tolk_edge_dropped",
            "Items dropped on the way to an edge, in its present process, or on the way back",
            *("edge", "where"),
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _read(self, prefix: str, texts: dict[str, str], count: Callable[[str], float]) -> None:
        """Add a gauge for each name in ``texts``. At each scrape its value is ``count(name)``."""
        for name, text in texts.items():
            self._gauge(f"{prefix}_{name}", text).set_function(functools.partial(count, name))
