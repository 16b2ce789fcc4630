"""The documents name only options that exist, and every setting."""

import re
from pathlib import Path

import msgspec
import pytest

from server.cli import main
from server.config import Config

ROOT = Path(__file__).parent.parent
#: Without benchmarks.md, which is written by tools and names their options.
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("architecture", "equipment", "operations", "scaling", "security", "signaling")
    ),
]
#: Options of curl, VLC and CTranslate2's converter.
OTHERS = {"--data", "--network-caching", "--model", "--output", "--quantization", "--copy"}
OTHERS |= {"--only", "--speech"}  # of tools.bench and tools.evaluate


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


@pytest.fixture
def known(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """All options of all commands."""
    commands = [
        *("", "serve", "demo", "translate", "input", "output", "models", "models pull", "check"),
        *("token", "doctor", "edge", "interpreter"),
    ]
    for command in commands:
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
    return options(capsys.readouterr().out) | OTHERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_option_exists(page: Path, known: set[str]) -> None:
    assert not options(page.read_text(encoding="utf8")) - known


def test_every_setting_is_documented() -> None:
    told = set[str]().union(*(options(page.read_text(encoding="utf8")) for page in PAGES))
    settings = {"--" + field.name.replace("_", "-") for field in msgspec.structs.fields(Config)}
    assert not settings - told
