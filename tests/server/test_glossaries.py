import json
import logging
from pathlib import Path

import pytest

from server.bus.messages import Unexpected, encode
from server.config import ConfigError
from server.interpretation.glossary import MAX_BYTES, MAX_ENTRIES, GlossaryError, Problem
from server.streams.glossaries import MAX_GLOSSARIES, NONE, Glossaries
from server.streams.glossary_files import Put


def languages() -> tuple[str, ...]:
    return ("nl", "en")


def as_json(*names: str) -> bytes:
    return json.dumps({"names": names}).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hall.toml").write_text('names = ["Ede"]')
    (tmp_path / "README.md").write_text("not a glossary")
    return tmp_path


def test_a_stream_has_the_glossary_of_its_file_and_others_have_none(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    assert glossaries.of("hall").glossary.names == ("Ede",)
    assert glossaries.of("README") == glossaries.of("garden") == NONE
    assert glossaries.message("garden", 1) is None


def test_a_put_glossary_is_used_until_it_is_deleted(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    versions = [glossaries.of("hall").version]
    assert glossaries.put("hall", as_json("Elst")) == glossaries.of("hall")
    assert glossaries.of("hall").glossary.names == ("Elst",)
    versions.append(glossaries.of("hall").version)
    assert glossaries.delete("hall").glossary.names == ("Ede",)
    versions.append(glossaries.of("hall").version)
    assert sorted(set(versions)) == versions


def test_files_are_read_again(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    glossaries.put("garden", as_json("Elst"))
    before = glossaries.of("hall").version
    (folder / "hall.toml").write_text('names = ["Epe"]')
    (folder / "annex.toml").write_text('names = ["Erp"]')
    glossaries.reload(str(folder))
    names = {each: glossaries.of(each).glossary.names for each in ("hall", "annex", "garden")}
    assert names == {"hall": ("Epe",), "annex": ("Erp",), "garden": ("Elst",)}
    assert glossaries.of("hall").version > before


def test_unchanged_files_that_are_read_again_change_nothing(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    before = glossaries.of("hall")
    glossaries.reload(str(folder))
    glossaries.reload(str(folder))
    assert glossaries.of("hall") == before
    (folder / "hall.toml").write_text('names = ["Epe"]')
    glossaries.reload(str(folder))
    assert glossaries.of("hall").glossary.names == ("Epe",)


def test_a_glossary_that_was_put_stays_until_it_is_deleted(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    glossaries.put("hall", as_json("Elst"))
    (folder / "hall.toml").write_text('names = ["Epe"]')
    glossaries.reload(str(folder))
    assert glossaries.of("hall").glossary.names == ("Elst",)
    assert glossaries.delete("hall").glossary.names == ("Epe",)


def test_the_newer_of_a_file_and_what_was_put_before_the_start_counts(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    changed_s = (folder / "hall.toml").stat().st_mtime
    glossaries.restore([Put("hall", as_json("Elst"), changed_s - 1)], str(folder))
    assert glossaries.of("hall").glossary.names == ("Ede",)
    glossaries.restore([Put("hall", as_json("Elst"), changed_s + 1)], str(folder))
    assert glossaries.of("hall").glossary.names == ("Elst",)
    assert glossaries.delete("hall").glossary.names == ("Ede",)


def test_what_was_put_before_the_start_and_is_damaged_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    glossaries = Glossaries(languages)
    puts = [Put("hall", b"{", 1), Put("a.b", b"{}", 2), Put("annex", as_json("Elst"), 3)]
    glossaries.restore(puts, "")
    assert (len(glossaries), glossaries.of("annex").glossary.names) == (1, ("Elst",))
    assert "the glossary that was put for hall is lost" in caplog.text


def test_a_glossary_ends_with_its_file_and_the_interpreter_is_told(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    (folder / "hall.toml").unlink()
    glossaries.reload(str(folder))
    message = glossaries.message("hall", 1)
    assert message is not None and message.names == ()


def test_a_file_that_cannot_be_used_changes_nothing(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    (folder / "annex.toml").write_text('names = ["Erp"]')
    (folder / "hall.toml").write_text("names =")
    with pytest.raises(ConfigError, match=r"hall\.toml"):
        glossaries.reload(str(folder))
    assert glossaries.of("hall").glossary.names == ("Ede",)
    assert glossaries.of("annex") == NONE


def test_the_interpreter_is_told_of_a_glossary_that_was_deleted() -> None:
    glossaries = Glossaries(languages)
    put = glossaries.put("hall", as_json("Elst"))
    glossaries.delete("hall")
    message = glossaries.message("hall", 3)
    assert message is not None
    assert (message.names, message.epoch) == ((), 3)
    assert message.version > put.version


def test_deleting_a_missing_glossary_changes_nothing() -> None:
    glossaries = Glossaries(languages)
    assert glossaries.delete("hall") == NONE
    assert glossaries.message("hall", 1) is None


def test_an_invalid_glossary_leaves_the_old_one() -> None:
    glossaries = Glossaries(languages)
    glossaries.put("hall", as_json("Elst"))
    with pytest.raises(GlossaryError):
        glossaries.put("hall", b"\xff")
    assert glossaries.of("hall").glossary.names == ("Elst",)


def full(glossaries: Glossaries) -> Glossaries:
    for number in range(MAX_GLOSSARIES - len(glossaries)):
        glossaries.put(f"s{number}", as_json("Ede"))
    return glossaries


def test_another_glossary_takes_the_place_of_the_one_put_first() -> None:
    glossaries = full(Glossaries(languages))
    glossaries.put("s0", as_json("Elst"))  # s1 is the first now
    glossaries.put("one-more", as_json("Ede"))
    assert len(glossaries) == MAX_GLOSSARIES
    assert glossaries.of("s1") == NONE
    assert glossaries.of("s0").glossary.names == ("Elst",)


def test_the_place_of_a_deleted_glossary_comes_free_first() -> None:
    glossaries = full(Glossaries(languages))
    glossaries.delete("s7")
    glossaries.put("one-more", as_json("Ede"))
    assert glossaries.of("s0") != NONE
    glossaries.delete("s7")
    assert glossaries.message("s7", 1) is None


def test_glossaries_of_streams_and_of_files_keep_their_places(folder: Path) -> None:
    glossaries = Glossaries.load(str(folder), languages)
    glossaries.put("hall", as_json("Elst"))
    full(glossaries).in_use = {f"s{number}" for number in range(MAX_GLOSSARIES)}
    with pytest.raises(GlossaryError, match="in use or have a file"):
        glossaries.put("one-more", as_json("Ede"))
    assert glossaries.of("hall").glossary.names == ("Elst",)
    glossaries.put("s0", as_json("Elst"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("hall.toml", b"names = [\n'caf\xe9']", "hall.toml: line 2 is not UTF-8"),
        ("hall.toml", b"#" * 5_000_000, "hall.toml: .*remove terms"),
        ("a hall.toml", b"", "a hall.toml: .*1 to 64"),
    ],
)
def test_an_invalid_file_is_named(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        Glossaries.load(str(tmp_path), languages)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: No such file"):
        Glossaries.load(str(tmp_path / "nowhere"), languages)


def test_unusable_entries_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "hall.toml").write_text('names = ["Ede", "…"]')
    with caplog.at_level(logging.WARNING):
        kept = Glossaries.load(str(tmp_path), languages).of("hall")
    assert kept.glossary.names == ("Ede",)
    assert "names[2] '…' has no letters" in caplog.text


def test_words_the_recogniser_cannot_expect_are_reported_for_that_glossary_only() -> None:
    glossaries = Glossaries(languages)
    version = glossaries.put("hall", as_json("Ede")).version
    for stream in ("hall", "garden"):
        glossaries.told(
            Unexpected(
                stream=stream, epoch=9, version=version, language="nl", words={"ede": "is odd"}
            )
        )
    assert glossaries.of("hall").unexpected == (Problem("words.nl", "ede", "is odd"),)
    for _ in range(2):  # it is said every second
        glossaries.told(
            Unexpected(
                stream="hall", epoch=9, version=version, language="de", words={"Ede": "is odd"}
            )
        )
    assert [each.entry for each in glossaries.of("hall").unexpected] == ["words.nl", "words.de"]
    assert glossaries.of("hall").version == version
    assert glossaries.of("garden") == NONE
    glossaries.put("hall", as_json("Elst"))
    glossaries.told(
        Unexpected(stream="hall", epoch=9, version=version, language="nl", words={"ede": "is odd"})
    )
    assert glossaries.of("hall").unexpected == ()


def test_the_largest_glossary_fits_into_one_message() -> None:
    terms = [{"nl": f"{i:03}é{'x' * 40}", "en": f"{i:03}ë{'y' * 40}"} for i in range(MAX_ENTRIES)]
    data = json.dumps({"terms": terms}, ensure_ascii=False).encode()
    assert MAX_BYTES - 10_000 < len(data) <= MAX_BYTES
    glossaries = Glossaries(languages)
    assert len(glossaries.put("hall", data).glossary.terms) == MAX_ENTRIES
    message = glossaries.message("hall", 1)
    assert message is not None
    assert len(encode(message)) < MAX_BYTES
