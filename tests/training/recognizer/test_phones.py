"""What one language's phones are in another's."""

from training.recognizer.phones import alike, phone_set


def test_phones_that_two_languages_have_are_found_by_their_index() -> None:
    english, dutch = phone_set("en"), phone_set("nl")
    table = alike("en", "nl")
    assert dutch[table[english.index("SIL")]] == "SIL"
    assert dutch[table[english.index("UW")]] == "OE"
    assert english.index("TH") not in table, "Dutch has none"


def test_languages_of_which_nothing_is_known_have_nothing_in_common() -> None:
    assert alike("nl", "en") == {}
