"""The placement of many hubs' streams on many interpreters."""

from tools.bench.million import Cluster, Event


def test_hubs_that_lose_machines_at_once_do_not_crowd_onto_the_others() -> None:
    event = Event("halls", streams=200, languages=3, listeners=200_000)
    cluster = Cluster(event, 12)
    cluster.begin()
    begun = cluster.fullest
    assert begun < 1
    assert cluster.lose(1) == 0
    assert begun < cluster.fullest < 1
    assert cluster.unplaced == 0
