"""What a million listeners take: calculated from costs that were measured, and simulated with the
server's own placement. Figures of a layout, not of this machine.

Two events: a thousand halls with a thousand listeners each, and one speaker with a million. Streams
begin at different times. Each hub decides for its own streams, and knows of the other hubs' only by
the load that interpreters report. Listeners are spread over edges as with ``--spread auto``.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from server.cluster.edges import MOST_EDGES
from server.cluster.placement import (
    BUSY,
    HEAR_CORES,
    HEARING,
    LANGUAGE_CORES,
    Machine,
    Owners,
    Wanted,
    place,
)
from server.http.others import SHARE, Others
from server.load import SPAN_S
from tools.figures import Figure

#: As many as were measured on one core: docs/benchmarks.md, fanout.tolk.1000.
EDGE_LISTENERS: Final = 1000
#: CPU time of a hub, in seconds, for each packet of a channel, however many edges hear it; and in
#: each second for an edge that hears one channel of a stream: as in machines.hub_cpu_a_packet and
#: machines.replay_hub_cpu_an_edge.
HUB_PACKET_S: Final = 15e-6
HUB_EDGE_S: Final = 120e-6
#: CPU time of NATS for each packet of a channel and each edge that hears it:
#: machines.replay_nats_cpu_a_copy.
NATS_COPY_S: Final = 14e-6
#: What a hub tells such an edge in a second: 2.5 answers to HELLO, what the stream's state is, and
#: what listeners of the channel hear.
EDGE_MESSAGES: Final = 4.5
PACKETS: Final = 50
#: Opus at 40 kbit/s, and RTP, SRTP, UDP and IP around each packet.
KBIT: Final = 40 + PACKETS * 8 * (12 + 10 + 8 + 20) / 1000
#: Of the core of a hub: the rest is for its speakers, encoding and bad moments.
USED: Final = 0.6
INTERPRETER_CORES: Final = 32
STREAMS_A_HUB: Final = 20
#: Streams begin within this time; a heartbeat comes twice a second.
BEGIN_S: Final = 600
BEATS_A_SECOND: Final = 2
LANGUAGES: Final = tuple(f"l{number}" for number in range(12))
TARGETS: Final = {"nl": frozenset(LANGUAGES)}
#: Hubs know how many listen at an edge so much later.
TOLD_LATE_S: Final = 2
#: What an edge may have: its share, and those who were sent there before it said so.
FULLEST: Final = 100 * SHARE + 5
#: The share of the interpreters that is lost at once.
LOST: Final = 0.1


@dataclass(frozen=True)
class Event:
    """``languages``: of each stream. ``listeners``: of all streams together."""

    name: str
    streams: int
    languages: int
    listeners: int

    @property
    def wanted(self) -> Wanted:
        """What each stream needs."""
        return Wanted("nl", LANGUAGES[: self.languages])

    @property
    def cores(self) -> float:
        """What interpreting takes, if no stream is heard twice."""
        return self.streams * (HEAR_CORES + LANGUAGE_CORES * self.languages)


EVENTS: Final = (Event("halls", 1000, 3, 1_000_000), Event("speaker", 1, 12, 1_000_000))
QUICK_EVENTS: Final = (Event("halls", 100, 3, 100_000), Event("speaker", 1, 12, 1_000_000))


async def run(quick: bool) -> list[Figure]:
    figures = [each for event in (QUICK_EVENTS if quick else EVENTS) for each in _figures(event)]
    return figures + _spread(QUICK_SPREAD if quick else SPREAD)


#: An event whose listeners come within BEGIN_S and are spread: a tenth of the first one above.
SPREAD: Final = Event("spread", 100, 3, 100_000)
QUICK_SPREAD: Final = Event("spread", 40, 3, 20_000)


def _figures(event: Event) -> list[Figure]:
    name, channels = f"million.{event.name}", 1 + event.languages
    edges, hubs = event.listeners // EDGE_LISTENERS, math.ceil(event.streams / STREAMS_A_HUB)
    # Each stream at as few edges as have room for it, and at all of them. All channels are heard.
    least, most = (each * channels for each in (edges, event.streams * edges))
    streams = event.streams / hubs
    carried = (USED - _hub_cores(streams, channels, 0)) / _edge_cores(channels)  # by one hub
    return [
        Figure(f"{name}.listeners", event.listeners, ""),
        Figure(f"{name}.edges", edges, f"of {EDGE_LISTENERS} listeners"),
        Figure(f"{name}.bandwidth", event.listeners * KBIT / 1e6, "Gbit/s"),
        Figure(f"{name}.bandwidth_an_edge", EDGE_LISTENERS * KBIT / 1e3, "Mbit/s"),
        Figure(f"{name}.hubs", hubs, ""),
        Figure(f"{name}.copies_least", least, ""),
        Figure(f"{name}.copies_most", most, ""),
        Figure(f"{name}.nats_messages_least", least * PACKETS, "/s"),
        Figure(f"{name}.nats_cores_least", least * PACKETS * NATS_COPY_S, "cores"),
        Figure(
            f"{name}.hub_cores_least", _hub_cores(streams, channels, edges / event.streams), "cores"
        ),
        Figure(f"{name}.hub_cores_most", _hub_cores(streams, channels, edges), "cores"),
        Figure(f"{name}.most_listeners_a_hub", min(carried, MOST_EDGES) * EDGE_LISTENERS, ""),
        *_interpreters(event, name),
    ]


def _hub_cores(streams: float, channels: int, edges: float) -> float:
    """What a hub spends on edges. ``channels``: of each stream; ``edges``: that hear them all."""
    return streams * (channels * PACKETS * HUB_PACKET_S + edges * _edge_cores(channels))


def _edge_cores(channels: int) -> float:
    """What one more edge costs a hub, about: it is told one message more for each channel."""
    return HUB_EDGE_S * (EDGE_MESSAGES + channels - 1) / EDGE_MESSAGES


def _interpreters(event: Event, name: str) -> list[Figure]:
    """As many as carry the event and the loss of a tenth of them."""
    count = math.ceil(event.cores / BUSY / (1 - LOST) / INTERPRETER_CORES)
    if count == 1:
        count = 2  # one may be lost
    cluster = Cluster(event, count)
    cluster.begin()
    begun = cluster.fullest
    moved = cluster.lose(math.ceil(count * LOST))
    return [
        Figure(f"{name}.interpreters", count, f"of {INTERPRETER_CORES} cores"),
        Figure(f"{name}.fullest_interpreter", 100 * begun, "%", bound=100),
        Figure(f"{name}.fullest_after_loss", 100 * cluster.fullest, "%", bound=100),
        Figure(f"{name}.moved_without_need", moved, "", bound=0),
        Figure(f"{name}.without_machine", cluster.unplaced, "", bound=0),
    ]


def _spread(event: Event) -> list[Figure]:
    """Listeners of all streams come at any time, and each hub leads its own to edges."""
    chance, edges = random.Random(1), event.listeners // EDGE_LISTENERS
    there = {f"https://edge{number}.example": 0 for number in range(edges)}
    told = [dict(there)]
    hubs = [Others() for _ in range(math.ceil(event.streams / STREAMS_A_HUB))]
    at: list[set[str]] = [set() for _ in range(event.streams)]
    for second in range(BEGIN_S):
        for hub in hubs:
            hub.know(told[max(0, second - TOLD_LATE_S)])
        for _ in range(event.listeners // BEGIN_S):
            stream = chance.randrange(event.streams)
            hub = hubs[stream // STREAMS_A_HUB]
            (best, *_) = hub.best(f"s{stream}")
            hub.sent(best)
            there[best] += 1
            at[stream].add(best)
        told.append(dict(there))
    each = sum(map(len, at)) / event.streams
    cores = _hub_cores(STREAMS_A_HUB, 1 + event.languages, each)
    name = f"million.{event.name}"
    most = max(there.values()) / (sum(there.values()) / edges)
    return [
        Figure(f"{name}.edges", edges, f"of {EDGE_LISTENERS} listeners"),
        Figure(f"{name}.fullest_edge", 100 * most, "% of the mean", bound=FULLEST),
        Figure(f"{name}.edges_of_a_stream", each, ""),
        Figure(f"{name}.hub_cores", cores, "cores"),
    ]


class Cluster:
    """Interpreters, and hubs that give them their streams."""

    def __init__(self, event: Event, machines: int) -> None:
        self._chance = random.Random(event.streams)
        self._wanted = event.wanted
        self._reported = {f"m{number}": 0.0 for number in range(machines)}
        self._hubs: list[dict[str, Owners]] = [
            {} for _ in range(math.ceil(event.streams / STREAMS_A_HUB))
        ]
        self._streams = [f"s{number}" for number in range(event.streams)]

    @property
    def fullest(self) -> float:
        """The load of the fullest machine, as a share of its cores."""
        return max(self._load().values()) / INTERPRETER_CORES

    @property
    def unplaced(self) -> int:
        """Parts of streams that no machine has."""
        parts = sum(len(owners) for hub in self._hubs for owners in hub.values())
        return len(self._streams) * len(self._wanted.parts) - parts

    def begin(self) -> None:
        """All streams begin, at any time within ``BEGIN_S``."""
        times = sorted((self._chance.uniform(0, BEGIN_S), each) for each in self._streams)
        now_s = 0.0
        for at_s, stream in times:
            self._beat(round((at_s - now_s) * BEATS_A_SECOND))
            now_s = at_s
            self._place(stream)

    def lose(self, count: int) -> int:
        """Lose machines, all at once. Returns how many parts moved whose machine was not lost."""
        lost = set(self._chance.sample(sorted(self._reported), count))
        for name in lost:
            del self._reported[name]
        moved = 0
        for hub in self._hubs:
            for stream, owners in list(hub.items()):
                if lost & set(owners.values()):
                    before = {part: owner for part, owner in owners.items() if owner not in lost}
                    hub[stream] = before
                    self._place(stream)
                    moved += sum(hub[stream].get(part) != each for part, each in before.items())
        return moved

    def _place(self, stream: str) -> None:
        hub = self._hubs[int(stream[1:]) // STREAMS_A_HUB]
        machines = {
            name: Machine(INTERPRETER_CORES, TARGETS, load) for name, load in self._reported.items()
        }
        hub[stream] = place({stream: self._wanted}, machines, hub)[stream]

    def _beat(self, beats: int) -> None:
        """Every machine reports its load so often."""
        share = 1 - (1 - 1 / (SPAN_S * BEATS_A_SECOND)) ** beats
        load = self._load()
        for name, reported in self._reported.items():
            self._reported[name] = reported + share * (load[name] - reported)

    def _load(self) -> dict[str, float]:
        """The cores in use on each machine."""
        load = dict.fromkeys(self._reported, 0.0)
        for hub in self._hubs:
            for owners in hub.values():
                for name in set(owners.values()):
                    languages = sum(
                        owner == name and part != HEARING for part, owner in owners.items()
                    )
                    load[name] += HEAR_CORES + LANGUAGE_CORES * languages
        return load
