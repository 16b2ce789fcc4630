"""Prometheus metrics of one server: base units, no labels that name a person or a stream."""

import asyncio
import collections
import functools
import threading

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from server.media.jitter import JitterCounts
from server.media.playout import PlayoutCounts

#: From a frame to a service gone wrong: the bounds people notice lie in between.
LAG_BUCKETS_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0)
LATE_BUCKETS_S = (0.001, 0.002, 0.005, 0.010, 0.020, 0.040, 0.060, 0.100, 0.250, 1.0)


class Metrics:
    """All metrics, in a registry of their own so that two servers fit in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        #: By what they tell; each by edge.
        self.edges: dict[str, Gauge] = {}
        ProcessCollector(registry=registry)
        Gauge("tolk_tasks", "Tasks of the media process", registry=registry).set_function(
            lambda: len(asyncio.all_tasks())
        )
        Gauge(
            "tolk_threads", "Python threads of the media process", registry=registry
        ).set_function(threading.active_count)
        self.listeners = Gauge("tolk_listeners", "Listeners connected now", registry=registry)
        self.speakers = Gauge("tolk_speakers", "Speakers connected now", registry=registry)
        self.streams = Gauge("tolk_streams", "Streams there are now", registry=registry)
        self.joins = Counter("tolk_joins", "Sessions admitted", ["role"], registry=registry)
        self.refused = Counter("tolk_refused", "Requests refused", ["code"], registry=registry)
        self.fan_out = Gauge(
            "tolk_fan_out", "1 at the way in which listeners are sent to", ["by"], registry=registry
        )
        self.send_late = Histogram(
            "tolk_send_late_seconds",
            "How late a 20 ms tick ran",
            buckets=LATE_BUCKETS_S,
            registry=registry,
        )
        self.ticks_skipped = Gauge(
            "tolk_ticks_skipped", "20 ms ticks left out so far for being late", registry=registry
        )
        self.dropped = Counter(
            "tolk_dropped", "Things dropped at a bound", ["where"], registry=registry
        )
        self.ear_voice_span = Histogram(
            "tolk_ear_voice_span_seconds",
            "From the end of a clause said to the start of its interpretation heard",
            ["language"],
            buckets=LAG_BUCKETS_S,
            registry=registry,
        )
        self.backlog = Gauge(
            "tolk_speech_backlog_seconds",
            "Interpretation waiting to be heard, the worst stream",
            ["language"],
            registry=registry,
        )
        #: Counted by the guard of every connection, by reason.
        self.hostile_counts: collections.Counter[str] = collections.Counter()
        self.hostile = Gauge(
            "tolk_hostile_datagrams",
            "Datagrams refused so far before aiortc saw them",
            ["reason"],
            registry=registry,
        )
        #: Counted by the jitter buffer of every speaker.
        self.uplink_counts = JitterCounts()
        for name, text in (
            ("came", "Speakers' packets received so far"),
            ("late", "Speakers' packets whose place was filled when they came"),
            ("doubled", "Speakers' packets received twice"),
            ("copied", "Speakers' packets that were lost, and had from a copy in a later one"),
            ("asked_for", "Requests to speakers' browsers for packets that were lost"),
            ("came_again", "Speakers' packets that came for being asked for"),
            ("overflowed", "Speakers' packets dropped at the bound of the jitter buffer"),
            ("restarts", "Leaps in speakers' timestamps"),
            ("missing_samples", "Samples of speakers at 48 kHz that were made up or silent"),
        ):
            Gauge(f"tolk_uplink_{name}", text, registry=registry).set_function(
                functools.partial(getattr, self.uplink_counts, name)
            )
        #: Counted by the playout of every stream.
        self.playout_counts = PlayoutCounts()
        for name, text in (
            ("sent", "Packets of channels so far, each counted for every listener"),
            ("forwarded", "Packets among these that were the speaker's own"),
            ("silent", "Packets of silence that were not sent so far, counted likewise"),
        ):
            Gauge(f"tolk_downlink_{name}", text, registry=registry).set_function(
                functools.partial(getattr, self.playout_counts, name)
            )
        #: Counted by the fan-out, by reason.
        self.repair_counts: collections.Counter[str] = collections.Counter()
        for name, text in (
            ("as_red", "Packets sent so far with copies of those before, for who loses some"),
            ("sent_again", "Packets sent again so far, for being asked for"),
            ("not_sent_again", "Packets asked for that are forgotten, or above the limit"),
        ):
            Gauge(f"tolk_downlink_{name}", text, registry=registry).set_function(
                functools.partial(self.repair_counts.__getitem__, name)
            )
        self.stage = Counter(
            "tolk_stage_seconds", "Time in engine calls", ["stage", "language"], registry=registry
        )
        self.stage_calls = Counter(
            "tolk_stage_calls", "Engine calls", ["stage", "language"], registry=registry
        )
        self.replayed = Counter(
            "tolk_replayed_chunks", "Sound fed again to a new interpreter", registry=registry
        )
        self.interpreter_ready = Gauge(
            "tolk_interpreter_ready", "1 when an interpreter has its models", registry=registry
        )
        self.interpreter_restarts = Gauge(
            "tolk_interpreter_restarts", "Interpreters lost so far", registry=registry
        )
        self.interpreter_cpu = Gauge(
            "tolk_interpreter_cpu_seconds", "CPU time of the interpreter", registry=registry
        )
        self.interpreter_memory = Gauge(
            "tolk_interpreter_resident_bytes", "Memory of the interpreter", registry=registry
        )
        self.interpreter_dropped = Gauge(
            "tolk_interpreter_dropped",
            "Things the present interpreter dropped at a bound",
            ["where"],
            registry=registry,
        )
        self.bus_dropped = Gauge(
            "tolk_bus_dropped", "Bus messages dropped so far", ["direction"], registry=registry
        )
        for name, text in (
            ("ready", "1 when an edge, a further media process, takes listeners"),
            ("listeners", "Listeners whose connections an edge holds"),
            ("cpu_seconds", "CPU time of the present edge"),
            ("resident_bytes", "Memory of an edge"),
            ("late_seconds", "The most that a packet came late to an edge in half a second"),
            ("restarts", "Edges lost so far"),
        ):
            self.edges[name] = Gauge(f"tolk_edge_{name}", text, ["edge"], registry=registry)
        self.edge_dropped = Gauge(
            "tolk_edge_dropped",
            "Things dropped on the way to an edge, in the present one, or on the way back",
            ["edge", "where"],
            registry=registry,
        )
        self.loop_lag = Gauge(
            "tolk_loop_lag_seconds",
            "How late the last wake-up of the event loop was",
            registry=registry,
        )
