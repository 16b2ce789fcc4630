"""Prometheus metrics of one server: base units, no labels that name a person or a stream."""

import asyncio
import collections
import functools
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from server.bus.replay import ReplayCounts
from server.media.jitter import JitterCounts
from server.media.playout import PlayoutCounts

#: From a frame to a service gone wrong: the bounds people notice lie in between.
LAG_BUCKETS_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0)
LATE_BUCKETS_S = (0.001, 0.002, 0.005, 0.010, 0.020, 0.040, 0.060, 0.100, 0.250, 1.0)

#: Counted elsewhere, and read when somebody asks.
UPLINK = {
    "came": "Speakers' packets received so far",
    "late": "Speakers' packets whose place was filled when they came",
    "doubled": "Speakers' packets received twice",
    "copied": "Speakers' packets that were lost, and had from a copy in a later one",
    "asked_for": "Requests to speakers' browsers for packets that were lost",
    "came_again": "Speakers' packets that came for being asked for",
    "overflowed": "Speakers' packets dropped at the bound of the jitter buffer",
    "restarts": "Leaps in speakers' timestamps",
    "missing_samples": "Samples of speakers at 48 kHz that were made up or silent",
    "delay_seconds": "How long after it could have come a speaker's sound was heard, the last",
}
PLAYOUT = {
    "sent": "Packets of channels so far, each counted for every listener",
    "forwarded": "Packets among these that were the speaker's own",
    "silent": "Packets of silence that were not sent so far, counted likewise",
}
REPLAY = {
    "dropped_samples": "Speakers' samples at 16 kHz given up: too many waited to be interpreted",
    "skipped_samples": "Speakers' samples at 16 kHz given up: two interpreters were lost on them",
}
REPAIR = {
    "as_red": "Packets sent so far with copies of those before, for who loses some",
    "sent_again": "Packets sent again so far, for being asked for",
    "not_sent_again": "Packets asked for that are forgotten, or above the limit",
}
#: What each edge tells of itself.
EDGE = {
    "ready": "1 when an edge, a further media process, takes listeners",
    "listeners": "Listeners whose connections an edge holds",
    "cpu_seconds": "CPU time of the present edge",
    "resident_bytes": "Memory of an edge",
    "late_seconds": "The most that a packet came late to an edge in half a second",
    "restarts": "Edges lost so far",
}


class Metrics:
    """All metrics, in a registry of their own so that two servers fit in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._add_process()
        self._add_participants()
        self._add_packets()
        self._add_interpretation()
        self._add_edges()

    def _add_process(self) -> None:
        tasks = self._gauge("tolk_tasks", "Tasks of the media process")
        tasks.set_function(lambda: len(asyncio.all_tasks()))
        threads = self._gauge("tolk_threads", "Python threads of the media process")
        threads.set_function(threading.active_count)
        self.loop_lag = self._gauge(
            "tolk_loop_lag_seconds", "How late the last wake-up of the event loop was"
        )
        self.send_late = Histogram(
            "tolk_send_late_seconds",
            "How late a 20 ms tick ran",
            buckets=LATE_BUCKETS_S,
            registry=self.registry,
        )
        self.ticks_skipped = self._gauge(
            "tolk_ticks_skipped", "20 ms ticks left out so far for being late"
        )
        self.dropped = self._counter("tolk_dropped", "Things dropped at a bound", "where")

    def _add_participants(self) -> None:
        self.listeners = self._gauge("tolk_listeners", "Listeners connected now")
        self.speakers = self._gauge("tolk_speakers", "Speakers connected now")
        self.streams = self._gauge("tolk_streams", "Streams there are now")
        self.joins = self._counter("tolk_joins", "Sessions admitted", "role")
        self.refused = self._counter("tolk_refused", "Requests refused", "code")

    def _add_packets(self) -> None:
        self.fan_out = self._gauge(
            "tolk_fan_out", "1 at the way in which listeners are sent to", "by"
        )
        #: Counted by the guard of every connection, by reason.
        self.hostile_counts: collections.Counter[str] = collections.Counter()
        self.hostile = self._gauge(
            "tolk_hostile_datagrams", "Datagrams refused so far before aiortc saw them", "reason"
        )
        #: Counted by the jitter buffer of every speaker.
        self.uplink_counts = JitterCounts()
        self._read("tolk_uplink", UPLINK, functools.partial(getattr, self.uplink_counts))
        #: Counted by the playout of every stream.
        self.playout_counts = PlayoutCounts()
        self._read("tolk_downlink", PLAYOUT, functools.partial(getattr, self.playout_counts))
        #: Counted by the fan-out, by reason.
        self.repair_counts: collections.Counter[str] = collections.Counter()
        self._read("tolk_downlink", REPAIR, self.repair_counts.__getitem__)

    def _add_interpretation(self) -> None:
        self.ear_voice_span = Histogram(
            "tolk_ear_voice_span_seconds",
            "From the end of a clause said to the start of its interpretation heard",
            ["language"],
            buckets=LAG_BUCKETS_S,
            registry=self.registry,
        )
        self.backlog = self._gauge(
            "tolk_speech_backlog_seconds",
            "Interpretation waiting to be heard, the worst stream",
            "language",
        )
        by_stage = ("stage", "language")
        self.stage = self._counter("tolk_stage_seconds", "Time in engine calls", *by_stage)
        self.stage_calls = self._counter("tolk_stage_calls", "Engine calls", *by_stage)
        self.replayed = self._counter(
            "tolk_replayed_chunks", "Sound fed again to a new interpreter"
        )
        #: Counted by the replay of every stream.
        self.replay_counts = ReplayCounts()
        self._read("tolk_replay", REPLAY, functools.partial(getattr, self.replay_counts))
        self.interpreter_ready = self._gauge(
            "tolk_interpreter_ready", "1 when an interpreter has its models"
        )
        self.interpreter_restarts = self._gauge(
            "tolk_interpreter_restarts", "Interpreters lost so far"
        )
        self.interpreter_cpu = self._gauge(
            "tolk_interpreter_cpu_seconds", "CPU time of the interpreter"
        )
        self.interpreter_memory = self._gauge(
            "tolk_interpreter_resident_bytes", "Memory of the interpreter"
        )
        self.interpreter_dropped = self._gauge(
            "tolk_interpreter_dropped", "Things the present interpreter dropped at a bound", "where"
        )
        self.bus_dropped = self._gauge(
            "tolk_bus_dropped", "Bus messages dropped so far", "direction"
        )

    def _add_edges(self) -> None:
        #: By what they tell; each by edge.
        self.edges = {
            name: self._gauge(f"tolk_edge_{name}", text, "edge") for name, text in EDGE.items()
        }
        self.edge_dropped = self._gauge(
            "tolk_edge_dropped",
            "Things dropped on the way to an edge, in the present one, or on the way back",
            *("edge", "where"),
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _read(self, prefix: str, texts: dict[str, str], count: Callable[[str], float]) -> None:
        """A gauge for each of ``texts`` that tells ``count`` of its name whenever asked."""
        for name, text in texts.items():
            self._gauge(f"{prefix}_{name}", text).set_function(functools.partial(count, name))
