"""What a hub knows of one interpreting machine."""

from server.bus.messages import Heartbeat
from server.cluster.interpreters import Interpreter
from tests.helpers.interpretation import MemoryBus

EVERY_S = 0.5


def beat(machine: Interpreter, now_s: float, cpu_s: float, worker: str = "1") -> None:
    machine.beat(Heartbeat(stream="", epoch=0, worker=worker, ready=True, cpu_s=cpu_s), now_s)


def busy(cores: float, beats: int = 60) -> Interpreter:
    """A machine that has used ``cores`` so far."""
    made = Interpreter("m", MemoryBus(), 4)
    for number in range(beats):
        beat(made, number * EVERY_S, number * EVERY_S * cores)
    return made


def test_the_load_is_what_its_process_uses() -> None:
    offers = busy(2.0).offers(30.0)
    assert abs(offers.load - 2.0) < 0.01
    assert abs(offers.highest - 2.0) < 0.01


def test_heartbeats_that_come_late_and_together_are_no_load() -> None:
    machine = busy(2.0)
    for late in range(5):
        beat(machine, 60 * EVERY_S + 2.0, (60 + late) * EVERY_S * 2.0)
    assert machine.offers(32.0).highest < 3.0


def test_what_another_process_used_before_is_no_load() -> None:
    machine = busy(0.5)
    for number in range(30):
        beat(machine, 30.0 + number * EVERY_S, 1000.0 + number * EVERY_S * 0.5, worker="2")
    assert machine.offers(45.0).highest < 0.6


def test_the_highest_load_counts_for_a_minute() -> None:
    machine = busy(2.0)
    for number in range(60):
        beat(machine, 30.0 + number * EVERY_S, 60.0)
    assert machine.offers(60.0).load < 0.1
    assert machine.offers(60.0).highest > 1.9
    for number in range(60, 150):
        beat(machine, 30.0 + number * EVERY_S, 60.0)
    assert machine.offers(105.0).highest < 0.1
