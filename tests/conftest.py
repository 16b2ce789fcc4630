import os

import pytest


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration everything is there that a test may need: none may skip."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TOLK_CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
