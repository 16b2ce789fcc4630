"""40 streams with three languages each on ten interpreters, which come, leave, are lost and are cut
off by seed."""

from tools.bench.simulated_event import Event


def test_nothing_is_heard_twice_moved_without_need_or_long_without_a_machine() -> None:
    outcomes = [Event(seed).run(seconds=150) for seed in range(4)]
    assert sum(each.changes for each in outcomes) > 500  # something happened
    assert sum(each.fenced for each in outcomes) > 1000
    assert [each.twice for each in outcomes] == [0] * 4
    assert [each.moved for each in outcomes] == [0] * 4
    assert sum(each.eased for each in outcomes) > 50
    assert max(s for each in outcomes for s in each.drained_s) < 15
    without_s = sorted(s for each in outcomes for s in each.without_s)
    assert without_s[int(0.99 * len(without_s))] <= 3
