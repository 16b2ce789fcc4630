"""Which of two hubs with one stream's name an interpreter believes."""

from server.cluster.fences import FORGET_S, Fences


def test_the_hub_with_the_newest_lease_is_believed() -> None:
    fences = Fences()
    assert fences.asks("a", "hall", 5, 0)
    assert not fences.asks("b", "hall", 3, 0) and not fences.believes("b", "hall")
    assert fences.asks("b", "hall", 7, 0) and fences.believes("b", "hall")
    assert not fences.asks("a", "hall", 5, 0) and not fences.believes("a", "hall")
    assert fences.asks("a", "other", 0, 0) and fences.believes("a", "other")


def test_without_leases_all_are_believed_until_one_has_a_lease() -> None:
    fences = Fences()
    assert fences.asks("a", "hall", 0, 0) and fences.asks("b", "hall", 0, 0)
    assert fences.believes("a", "hall") and fences.believes("b", "hall")
    assert fences.asks("b", "hall", 1, 0)
    assert not fences.asks("a", "hall", 0, 0)


def test_a_hub_that_has_given_its_lease_back_finishes() -> None:
    fences = Fences()
    assert fences.asks("a", "hall", 5, 0) and fences.asks("a", "hall", 0, 1)
    assert not fences.asks("b", "hall", 5, 1) and fences.asks("b", "hall", 6, 1)


def test_a_hub_that_is_gone_is_forgotten() -> None:
    """If NATS lost what it kept, leases begin at 1 again."""
    fences = Fences()
    assert fences.asks("a", "hall", 500, 0)
    assert not fences.asks("b", "hall", 1, FORGET_S - 1)
    assert fences.asks("b", "hall", 1, FORGET_S + 1)
