from server.bus.messages import Caption
from server.interpretation.lines import KEPT, NOTHING, Lines
from server.interpretation.types import Clause


def clause(segment: int, ended: bool = True) -> Clause:
    return Clause(segment, "een twee", segment * 100, segment * 100 + 50, ended)


def told(caption: Caption | None) -> tuple[str, int, str, bool]:
    assert caption is not None
    return caption.text, caption.revision, caption.status, caption.skipped


def new_lines() -> Lines:
    return Lines("s", 1, "en")


def test_a_line_grows_until_it_has_ended() -> None:
    lines = new_lines()
    assert told(lines.write(clause(1, ended=False), "one")) == ("one", 0, "partial", False)
    assert told(lines.write(clause(1), "one two")) == ("one two", 1, "final", False)
    assert lines.end() is None


def test_a_line_without_additions_becomes_final() -> None:
    lines = new_lines()
    lines.write(clause(1, ended=False), "one")
    assert told(lines.end()) == ("one", 1, "final", False)
    assert lines.end() is None


def test_an_unspoken_line_is_published_again_with_a_mark() -> None:
    lines = new_lines()
    lines.write(clause(1), "one")
    lines.write(clause(2), "two")
    assert told(lines.skip(clause(1))) == ("one", 1, "final", True)
    assert lines.skip(clause(1)) is None


def test_a_partly_unspoken_line_stays_marked_as_it_grows() -> None:
    lines = new_lines()
    lines.write(clause(1, ended=False), "one")
    lines.skip(clause(1, ended=False))
    assert told(lines.write(clause(1), "one two")) == ("one two", 2, "final", True)


def test_an_untranslated_clause_has_a_line_too() -> None:
    skipped = new_lines().skip(clause(3))
    assert skipped is not None
    assert (skipped.text, skipped.status, skipped.skipped) == (NOTHING, "final", True)
    assert (skipped.start_sample, skipped.end_sample) == (300, 350)


def test_old_lines_are_forgotten() -> None:
    lines = new_lines()
    for segment in range(KEPT + 1):
        lines.write(clause(segment), "one")
    forgotten = lines.skip(clause(0))
    assert forgotten is not None
    assert forgotten.text == NOTHING


def test_a_line_that_was_dropped_before_it_was_written_stays_final() -> None:
    lines = new_lines()
    assert told(lines.skip(clause(1))) == (NOTHING, 1, "final", True)
    assert told(lines.write(clause(1, ended=False), "one")) == ("one", 2, "final", True)
    assert lines.end() is None
