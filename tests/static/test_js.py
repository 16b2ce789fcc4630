"""What needs no page in static/js, tested by Node's own runner."""

import os
import subprocess
from pathlib import Path

import playwright
import pytest

TESTS = Path(__file__).with_name("js")


@pytest.fixture
def node() -> Path:
    """The Node that Playwright brings. Older ones than 22 do not know all that browsers do."""
    path = Path(playwright.__file__).parent / "driver" / "node"
    if not path.exists():
        if os.environ.get("TOLK_CI"):
            pytest.fail(f"Playwright brings no Node: {path}")
        pytest.skip(f"Playwright brings no Node: {path}")
    return path


def test_javascript_tests_without_a_page_pass(node: Path) -> None:
    tests = sorted(TESTS.glob("*.test.js"))
    assert tests
    run = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
