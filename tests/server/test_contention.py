"""When people notice that there is too little processor time. Times are given."""

from server.streams.admission import Admission
from server.streams.contention import Contention

EACH = 0.19


def clauses(contention: Contention, *lags_s: float, start_s: float = 0.0) -> float:
    """One clause a second. Returns the time of the last."""
    for second, lag_s in enumerate(lags_s):
        contention.clause(lag_s, start_s + second)
    return start_s + len(lags_s) - 1


def test_clauses_in_time_are_not_noticed() -> None:
    contention = Contention()
    assert not contention.is_felt(clauses(contention, *[2.5] * 30))


def test_late_clauses_are_noticed_until_they_are_long_past() -> None:
    contention = Contention()
    now = clauses(contention, 0.3, 5.2, 5.2, 5.2)
    assert contention.is_felt(now)
    assert contention.is_felt(now + 17)
    assert not contention.is_felt(now + 19)


def test_one_late_clause_is_not_noticed() -> None:
    contention = Contention()
    assert not contention.is_felt(clauses(contention, 0.3, 9.0, 0.3))


def test_a_few_late_clauses_among_many_are_not_noticed() -> None:
    contention = Contention()
    assert not contention.is_felt(clauses(contention, *[5.0] * 3, *[0.5] * 12))


def test_a_clock_that_skips_again_and_again_is_noticed() -> None:
    contention, skipped = Contention(), 0
    for second in range(4):
        assert not contention.is_felt(second)
        skipped += 5
        contention.ticks(skipped, second)
    assert contention.is_felt(3)
    assert not contention.is_felt(24)


def test_a_single_stall_of_the_clock_is_not_noticed() -> None:
    contention = Contention()
    for second, skipped in enumerate((40, 41, 42, 43, 44)):
        contention.ticks(skipped, second)
    assert not contention.is_felt(4)


def test_while_people_notice_no_language_and_no_stream_is_admitted() -> None:
    admission = Admission(0, cores=8)
    assert admission.hear("one", True, 0) and admission.admit("one", ["en"], 0) == {"en"}
    now = clauses(admission.contention, 5.0, 5.0, 5.0)
    assert not admission.hear("two", True, now)
    assert admission.admit("one", ["en", "de"], now) == {"en"}
    later = now + 21
    assert admission.hear("two", True, later)
    assert admission.admit("one", ["en", "de"], later) == {"en", "de"}


def run(admission: Admission, seconds: int, languages: int, waits: float) -> float:
    """``waits``: how long the interpreter waits for a core, as a multiple of how long it runs."""
    for second in range(1, seconds + 1):
        cpu_s = EACH * languages * second
        admission.spent(cpu_s, second, waited_s=waits * cpu_s)
    return float(seconds)


def test_an_interpreter_that_waits_for_cores_is_not_idle() -> None:
    """Alone it would take four languages on one core; see test_admission."""
    admission = Admission(0, cores=1)
    admission.admit("s", ["a"], 0)
    now = run(admission, 20, languages=1, waits=1.0)
    assert admission.admit("s", ["a", "b", "c", "d"], now) == {"a", "b"}
    starved = Admission(0, cores=1)
    starved.admit("s", ["a"], 0)
    now = run(starved, 20, languages=1, waits=5)
    assert starved.admit("s", ["a", "b"], now) == {"a"}


def test_threads_that_wait_a_little_for_each_other_take_no_room() -> None:
    admission = Admission(0, cores=1)
    admission.admit("s", ["a"], 0)
    now = run(admission, 20, languages=1, waits=0.5)
    assert len(admission.admit("s", ["a", "b", "c", "d"], now)) == 4


def test_an_old_pressure_is_forgotten_by_a_new_interpreter() -> None:
    admission = Admission(0, cores=1)
    admission.admit("s", ["a"], 0)
    run(admission, 20, languages=1, waits=5)
    for second in range(21, 120):
        admission.spent(EACH * (second - 20), second)
    assert admission.admit("s", ["a", "b"], 120) == {"a", "b"}
