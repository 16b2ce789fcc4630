"""Checks the project's rules in every file: lengths, private names, import cycles, docstrings."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path
    for folder in ("server", "signaling", "static", "tools")
    for path in (ROOT / folder).rglob("*.py")
)
MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 50

#: Private names of libraries, where nothing public does: the one file of the media room, the
#: headless client, and tools that look at libraries from inside. No name may be added.
INSIDE_LIBRARIES = {
    "server/client/arrivals.py": {"_remove_reader"},
    "server/media/transport.py": {
        *("_RTCPeerConnection__certificates", "_connection", "_handle_rtp_packet"),
        *("_local_candidates", "_local_candidates_end", "_local_candidates_start"),
        *("_protocols", "_srtp"),
    },
    "tools/attack/ends.py": {"_connection", "_nominated", "_ssl", "_tx_srtp"},
    "tools/attack/joining.py": {"_connection", "_nominated", "_protocols", "_sock"},
    "tools/bench/fanout_server.py": {"_connection"},
    "tools/bench/load.py": {
        *("_connection", "_nominated", "_protocols", "_query_consent_task"),
        *("_remove_reader", "_rx_srtp", "_send_rtp"),
    },
    "tools/evaluate/text_metrics.py": {
        *("_compute_score_from_stats", "_extract_corpus_statistics"),
    },
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf8"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def private_names(module: ast.Module) -> set[str]:
    """The private names of functions, methods and attributes that a module defines."""
    found = set()
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own):
                found.add(own)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=own):
                found.add(own)
            case ast.AnnAssign(target=ast.Name(id=own)):
                found.add(own)
    return found


def reached_into(path: Path) -> Iterator[tuple[int, str]]:
    """Private names that a file uses of objects of other files, with their lines."""
    own = private_names(tree(path))
    for node in ast.walk(tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls" | "os")):  # os._exit is public
                pass
            case ast.Attribute(attr=attr, lineno=line) if (
                attr.startswith("_") and not attr.startswith("__") and attr not in own
            ):
                yield line, attr


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def public(body: list[ast.stmt], of: str = "") -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Public classes and functions, with the methods of these classes."""
    for node in body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield of + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{of}{node.name}.")


def imported() -> dict[str, set[str]]:
    """The project's imports of each of its modules, including those for types only."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in FILES
    }
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        named: set[str] = set()
        for node in ast.walk(tree(path)):
            match node:
                case ast.Import(names=names):
                    named.update(alias.name for alias in names)
                case ast.ImportFrom(module=str(package), names=names):
                    parts = {f"{package}.{alias.name}" for alias in names}
                    named |= (parts & modules.keys()) or {package}
        found[module] = named & modules.keys() - {module}
    return found


def cycles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules that import each other, directly or not."""
    reach = {module: set(others) for module, others in graph.items()}
    for middle in graph:
        for others in reach.values():
            if middle in others:
                others.update(reach[middle])
    found = [
        {each for each in others if module in reach[each]}
        for module, others in reach.items()
        if module in others
    ]
    return [each for index, each in enumerate(found) if each not in found[:index]]


def test_no_file_uses_private_names_of_another_file_s_objects() -> None:
    places = [
        f"{name(path)}:{line}: {attr}"
        for path in FILES
        for line, attr in reached_into(path)
        if attr not in INSIDE_LIBRARIES.get(name(path), ())
    ]
    assert not places


@pytest.mark.parametrize("file", INSIDE_LIBRARIES)
def test_all_exceptions_for_private_names_are_needed(file: str) -> None:
    assert INSIDE_LIBRARIES[file] == {attr for _, attr in reached_into(ROOT / file)}


def test_no_file_is_too_long() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf8").splitlines()) for path in FILES}
    assert not {each: lines for each, lines in lengths.items() if lines > MOST_FILE_LINES}


def test_no_function_is_too_long() -> None:
    places = [
        f"{name(path)}: {each.name}"
        for path in FILES
        for each in functions(path)
        if (each.end_lineno or 0) - each.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert not places


def test_no_modules_import_each_other() -> None:
    assert cycles(imported()) == []


def test_every_public_class_function_and_method_has_a_docstring() -> None:
    places = [
        f"{name(path)}:{node.lineno}: {full}"
        for path in FILES
        if path.is_relative_to(ROOT / "server") or path.is_relative_to(ROOT / "signaling")
        for full, node in public(tree(path).body)
        if ast.get_docstring(node) is None
    ]
    assert not places


def test_no_traceback_is_logged_with_its_message() -> None:
    """It might contain a token, or what somebody said: ``process.described`` leaves it out."""
    found = [
        f"{name(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        # A future's method of this name takes no arguments.
        and ((node.func.attr == "exception" and node.args) or node.func.attr == "print_exc")
    ]
    assert not found
