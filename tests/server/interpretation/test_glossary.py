import json

import pytest

import server.interpretation.glossary as glossary_module
from server.interpretation.glossary import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_PROBLEMS,
    Glossary,
    GlossaryError,
    Problem,
    read,
    spelled,
)

LANGUAGES = ("nl", "en", "de", "fr")


def read_json(**content: object) -> tuple[Glossary, list[Problem]]:
    return read(json.dumps(content).encode(), "json", LANGUAGES)


def test_toml_and_json_give_the_same_glossary() -> None:
    """The example that the module's description gives."""
    described = (glossary_module.__doc__ or "").splitlines()
    toml = "\n".join(line for line in described if line.startswith("    "))
    from_json = read_json(
        names=["Van der Steen"],
        words={"nl": ["kwartiermaker"]},
        terms=[{"nl": "het verbond", "en": "covenant"}],
    )
    assert read(toml.encode(), "toml", LANGUAGES) == from_json
    glossary, problems = from_json
    assert glossary.names == ("Van der Steen",)
    assert glossary.words == {"nl": ("kwartiermaker",)}
    assert glossary.terms == ({"nl": "het verbond", "en": "covenant"},)
    assert not problems


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"# nothing yet\n"])
def test_an_empty_file_is_an_empty_glossary(data: bytes) -> None:
    assert read(data, "toml", LANGUAGES) == (Glossary(), [])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'names = [\n"caf\xe9"]', "line 2 is not UTF-8: save"),
        (b'names = ["a"', "at end of document|line 1"),
        (b"names = [\n'a\n']", "line 2"),
        (b'\x00names = ["a"]', "line 1"),
        (b"name = []", "unknown field `name`"),
        (b"names = 'Ede'", r"at `\$.names`"),
        (b"[[terms]]\nnl = 5", r"at `\$.terms\[0\]"),
        (b"[words]\nnl = 'x'", r"at `\$.words"),
        ("names = ['Ede']".encode("utf-16"), "line 1 is not UTF-8"),
        (b"a = " + b"[" * 5000, "not a glossary"),
        (b"#" * (MAX_BYTES + 1), "remove terms"),
        (b"x" * 5_000_000, "more than 64000"),
    ],
    ids=range(12),
)
def test_an_invalid_glossary_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(GlossaryError, match=told):
        read(data, "toml", LANGUAGES)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'{"terms": {}}', b"[" * 5000, b"\xff{}"])
def test_json_of_another_kind_is_refused(data: bytes) -> None:
    with pytest.raises(GlossaryError):
        read(data, "json", LANGUAGES)


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ({"nl": "verbond"}, "not given in two languages"),
        ({}, "not given in two languages"),
        ({"nl": "verbond", "en": ""}, "has no letters"),
        ({"nl": "verbond", "en": " \n"}, "has no letters"),
        ({"nl": "…!", "en": "covenant"}, "has no letters"),
        ({"nl": "12", "en": "twelve"}, "has no letters"),
        ({"nl": "verbond", "tlh": "covenant"}, "not a language of this server"),
        ({"nl": "x" * 61, "en": "covenant"}, "61 characters"),
        ({"nl": "ver\x00bond", "en": "covenant"}, "cannot be printed"),
        ({"nl": "ver\u202ebond", "en": "covenant"}, "cannot be printed"),
        ({"nl": "de wet", "en": "covenant"}, "already translated as 'law' in 'en'"),
        ({"nl": "Wet", "en": "covenant"}, "already translated as 'law' in 'en'"),
    ],
    ids=range(12),
)
def test_an_unusable_entry_is_reported_and_the_others_work(
    term: dict[str, str], reason: str
) -> None:
    good = {"nl": "wet", "en": "law"}
    glossary, problems = read_json(terms=[good, term, {"nl": "kerk", "en": "church"}])
    assert glossary.terms == (good, {"nl": "kerk", "en": "church"})
    assert any(reason in each.reason for each in problems)
    assert all(each.entry.startswith("terms[2]") for each in problems)


def test_an_unknown_language_in_an_entry_is_reported_and_the_others_are_used() -> None:
    glossary, problems = read_json(terms=[{"nl": "wet", "en": "law", "tlh": "chut"}])
    assert glossary.terms == ({"nl": "wet", "en": "law"},)
    assert [(each.entry, each.text) for each in problems] == [("terms[1]", "tlh")]


def test_two_entries_may_complete_each_other() -> None:
    terms = [{"nl": "wet", "en": "law"}, {"nl": "wet", "de": "das Gesetz"}]
    assert read_json(terms=terms) == (Glossary(tuple(terms)), [])


def test_a_loop_is_two_terms() -> None:
    terms = [{"nl": "bank", "en": "sofa"}, {"nl": "sofa", "en": "bank"}]
    assert read_json(terms=terms) == (Glossary(tuple(terms)), [])


def test_entries_beyond_the_limit_are_ignored() -> None:
    terms = [{"nl": f"a{i}", "en": f"b{i}"} for i in range(2000)]
    glossary, problems = read_json(terms=terms, names=["Ede"])
    assert len(glossary.terms) == MAX_ENTRIES
    assert not glossary.names
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].reason == f"{2001 - MAX_ENTRIES - MAX_PROBLEMS} more entries cannot be used"


def test_names_and_words_are_normalised_and_distinct() -> None:
    glossary, _ = read_json(names=["Ede", " Ede ", "Zoe\u0308"], words={"nl": ["a  b", "a b"]})
    assert glossary.names == ("Ede", "Zoë")
    assert glossary.words == {"nl": ("a b",)}


@pytest.mark.parametrize(
    ("term", "language", "written", "words", "gender"),
    [
        ("het Verbond", "nl", "Verbond", ("verbond",), "n"),
        ("de wet", "nl", "wet", ("wet",), "c"),
        ("de", "nl", "de", ("de",), ""),
        ("digital twin", "en", "digital twin", ("digital", "twin"), ""),
        ("the Hague", "en", "Hague", ("hague",), ""),
        ("l'alliance", "fr", "alliance", ("alliance",), ""),
        ("la maison d’hôte", "fr", "maison d’hôte", ("maison", "d'", "hôte"), "f"),
        ("Anna's huis", "nl", "Anna's huis", ("anna", "'s", "huis"), ""),
        ("Groß-Gerau", "de", "Groß-Gerau", ("gross", "gerau"), ""),
    ],
)
def test_articles_are_not_part_of_a_term(
    term: str, language: str, written: str, words: tuple[str, ...], gender: str
) -> None:
    found = spelled(term, language)
    assert (found.written, found.words, found.gender) == (written, words, gender)


def test_expected_words_are_single_distinct_words_of_the_source() -> None:
    glossary = Glossary(
        terms=({"nl": "het Verbond", "en": "old covenant"}, {"en": "law", "de": "das Gesetz"}),
        names=("Van der Steen",),
        words={"nl": ("kwartier maker", "verbond", "17de", "Anna's"), "en": ("sermon",)},
    )
    assert glossary.expected("nl") == (
        *("kwartier", "maker", "verbond", "anna", "van", "der", "steen"),
    )
    assert glossary.expected("en") == ("sermon", "van", "der", "steen", "old", "covenant", "law")
    assert glossary.expected("fr") == ("van", "der", "steen")


def test_expected_words_are_in_lower_case_and_spelled_as_given() -> None:
    glossary = Glossary(names=("Weißensee", "O’Neill"), words={"de": ("das Groß-Gerau",)})
    assert glossary.expected("de") == ("groß", "gerau", "weißensee", "o'neill")
