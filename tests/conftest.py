import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def a_state_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test looks into the user's, where models may have been fetched, and none fetches any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-home")))
        patch.setenv("TOLK_FETCH", "never")
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration everything is there that a test may need: none may skip."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TOLK_CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
