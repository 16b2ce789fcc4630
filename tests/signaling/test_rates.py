from signaling.rates import Bucket


def taken(bucket: Bucket, times: int, now_s: float) -> int:
    return sum(bucket.take(now_s) for _ in range(times))


def test_the_burst_is_limited() -> None:
    assert taken(Bucket(per_s=10, at_once=5), 20, now_s=100) == 5


def test_the_long_term_rate_is_limited() -> None:
    bucket = Bucket(per_s=8, at_once=5)
    taken(bucket, 5, now_s=0)
    assert sum(bucket.take(step / 64) for step in range(1, 641)) == 80


def test_waiting_does_not_increase_the_burst() -> None:
    bucket = Bucket(per_s=10, at_once=5)
    taken(bucket, 5, now_s=0)
    assert taken(bucket, 20, now_s=3600) == 5
