"""Requirements that are written in two places are equal."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parent.parent


def lines(text: str) -> set[str]:
    bare = (line.split("#")[0].strip() for line in text.splitlines())
    return {line for line in bare if line}


def test_requirements_are_those_of_the_distribution() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = lines(setup["options"]["install_requires"]) | lines(
        setup["options.extras_require"]["test"]
    )
    assert lines((ROOT / "requirements.txt").read_text()) == declared
