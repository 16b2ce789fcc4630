"""Which machine interprets what."""

from dataclasses import replace

from server.cluster.placement import HEARING, Machine, Owners, Wanted, place, relieved, room

ALL = {each: frozenset({"nl", "en", "de", "fr"} - {each}) for each in ("nl", "en")}
STREAM = Wanted("nl", ("en", "de"))


def machine(
    cores: float, load: float = 0.0, leaving: bool = False, highest: float = 0.0
) -> Machine:
    return Machine(cores, ALL, load, leaving, highest=highest)


def test_a_stream_stays_together_where_most_cores_are_free() -> None:
    for other in (machine(2), machine(16, load=12)):
        machines = {"other": other, "large": machine(8)}
        assert place({"s": STREAM}, machines, {}) == {
            "s": {HEARING: "large", "en": "large", "de": "large"}
        }


def test_hubs_that_decide_at_the_same_moment_do_not_all_choose_the_same_machine() -> None:
    machines = {f"m{number}": machine(32, load=number / 10) for number in range(20)}
    chosen = [place({name: STREAM}, machines, {})[name]["en"] for name in map(str, range(100))]
    assert max(map(chosen.count, chosen)) <= 20
    assert sum(name in ("m18", "m19") for name in chosen) <= 5


def test_a_language_that_has_no_room_goes_to_another_machine() -> None:
    machines = {"a": machine(1), "b": machine(1)}
    owners = place({"s": STREAM}, machines, {})["s"]
    assert owners[HEARING] == owners["en"] != owners["de"]


def test_without_room_the_machine_with_the_most_gets_it() -> None:
    machines = {"full": machine(1, load=4), "fuller": machine(1, load=5)}
    assert set(place({"s": STREAM}, machines, {})["s"].values()) == {"full"}


def test_what_is_placed_stays_when_a_better_machine_comes() -> None:
    before = place({"s": STREAM}, {"a": machine(2)}, {})
    machines = {"a": machine(2, load=5), "b": machine(64)}
    assert place({"s": STREAM}, machines, before) == before


def test_a_machine_that_leaves_or_is_lost_has_nothing() -> None:
    before = place({"s": STREAM}, {"a": machine(64)}, {})
    leaving = {"a": machine(64, leaving=True), "b": machine(1)}
    for machines in (leaving, {"b": machine(1)}):
        assert set(place({"s": STREAM}, machines, before)["s"].values()) == {"b"}


def test_only_machines_with_the_models_get_a_part() -> None:
    machines = {
        "deaf": Machine(64, {"en": frozenset({"nl"})}),
        "half": Machine(2, {"nl": frozenset({"en"})}),
    }
    assert place({"s": STREAM}, machines, {})["s"] == {HEARING: "half", "en": "half"}


def test_an_undetected_language_goes_to_a_machine_that_detects_it() -> None:
    machines = {"a": replace(machine(2, load=1), detects=True), "b": machine(64)}
    assert place({"s": Wanted(None)}, machines, {})["s"] == {HEARING: "a"}
    assert place({"s": Wanted("nl", ())}, machines, {})["s"] == {HEARING: "b"}


def test_an_undetected_language_that_nobody_detects_goes_to_any_machine() -> None:
    unknown = Wanted(None)
    assert place({"s": unknown}, {"a": machine(2)}, {})["s"] == {HEARING: "a"}
    assert place({"s": unknown}, {"empty": Machine(64)}, {})["s"] == {}


def test_what_is_wanted_no_more_is_given_back() -> None:
    before = place({"s": STREAM}, {"a": machine(4)}, {})
    fewer = Wanted("nl", ("en",), captions=False)
    assert place({"s": fewer}, {"a": machine(4)}, before) == {"s": {"en": "a"}}


def test_streams_that_stay_count_as_load() -> None:
    machines = {"a": machine(4), "b": machine(4)}
    owners = place({"one": STREAM}, machines, {})
    two = place({"two": STREAM}, machines, owners)
    assert {*owners["one"].values()} != {*two["two"].values()}


def eased(
    machines: dict[str, Machine], owners: Owners, want: Wanted = STREAM, ease: bool = True
) -> Owners:
    return relieved("s", want, machines, {"s": owners}, ease)


TOGETHER = {HEARING: "a", "en": "a", "de": "a"}


def test_everything_leaves_a_machine_that_is_drained() -> None:
    drained = replace(machine(8), draining=True)
    assert set(eased({"a": drained, "b": machine(2)}, TOGETHER, ease=False).values()) == {"b"}
    shared = {HEARING: "a", "en": "b", "de": "a"}
    machines = {"a": drained, "b": machine(4), "c": machine(64)}
    assert eased(machines, shared)["en"] == "b"


def test_what_only_a_drained_machine_can_do_stays_there() -> None:
    machines = {"a": replace(machine(8), draining=True), "b": Machine(8, {"en": frozenset({"nl"})})}
    assert eased(machines, TOGETHER) == TOGETHER


def test_a_drained_machine_gets_nothing_new() -> None:
    machines = {"a": replace(machine(64), draining=True), "b": machine(1, load=5)}
    assert set(place({"s": STREAM}, machines, {})["s"].values()) == {"b"}


def test_a_machine_that_does_too_much_gives_one_language_away() -> None:
    machines = {"a": machine(4, load=3.3), "b": machine(4)}
    assert eased(machines, TOGETHER) == {**TOGETHER, "de": "b"}
    assert eased(machines, TOGETHER, ease=False) == TOGETHER
    assert eased({**machines, "a": machine(4, load=3.1)}, TOGETHER) == TOGETHER


def test_with_its_last_language_goes_the_stream() -> None:
    machines = {"a": machine(4, load=3.3), "b": machine(4)}
    assert eased(machines, {HEARING: "a", "en": "a"}, Wanted("nl", ("en",))) == {
        HEARING: "b", "en": "b",
    }  # fmt: skip


def test_if_one_machine_cannot_give_anything_away_another_may() -> None:
    german = {"nl": frozenset({"de"})}
    machines = {"a": machine(4, load=3.3), "b": machine(4, load=3.3), "c": Machine(4, german)}
    owners = {HEARING: "a", "en": "a", "de": "b"}
    assert eased(machines, owners) == {**owners, "de": "c"}


def test_nothing_moves_to_a_machine_that_would_then_do_much() -> None:
    machines = {"a": machine(4, load=3.3), "b": machine(4, load=2.2)}
    assert eased(machines, TOGETHER) == TOGETHER
    machines["b"] = replace(machine(64), silent=True)
    assert eased(machines, TOGETHER) == TOGETHER


def roomiest(machines: dict[str, Machine], part: str = "fr", **new: float) -> str | None:
    return room(STREAM, part, machines, {"a"}, new)


def test_there_is_room_for_a_language_while_a_machine_has_cores_for_it() -> None:
    machines = {"a": machine(2, highest=1.2), "b": machine(2, highest=0.8)}
    assert roomiest(machines) == "a"  # it hears the stream already
    assert roomiest(machines, a=0.2) == "b"
    assert roomiest(machines, a=0.2, b=0.2) is None
    assert roomiest({**machines, "b": replace(machines["b"], draining=True)}, a=0.2) is None


def test_a_stream_needs_the_cores_to_be_heard() -> None:
    assert roomiest({"b": machine(2, highest=1.1)}, HEARING) == "b"
    assert roomiest({"b": machine(2, highest=1.3)}, HEARING) is None


def test_a_language_without_models_is_not_for_lack_of_room() -> None:
    assert roomiest({"b": machine(1, highest=4)}, "el") == ""


def test_what_no_machine_has_models_for_any_more_stays_where_it_is() -> None:
    only_english = {"nl": frozenset({"en"})}
    machines = {"a": Machine(4, only_english, 3.3), "b": Machine(4, only_english)}
    assert eased(machines, TOGETHER) == TOGETHER
