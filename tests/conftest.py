import os
from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Where browsers run, at the same pace as speech.
BROWSERS = ("tests/browser/", "tests/engines/")
#: The exit status for a skipped test in continuous integration. pytest itself uses 0 to 5.
SKIPPED_STATUS = 10


@pytest.fixture(scope="session", autouse=True)
def a_state_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests do not use the user's state folder, which may have fetched models, and fetch none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-home")))
        patch.setenv("TOLK_FETCH", "never")
        yield


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Divides the tests among the processes of ``-n 2``. A file's tests run in one process, because
    they share servers and models. All tests with a browser run in one, and after all others: a
    browser, a server and an interpreter need two cores."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return BROWSERS[0] if file.startswith(BROWSERS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    config.option.loadscopereorder = False  # as collected
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.nodeid.startswith(BROWSERS))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration a skipped test is a failure: everything must be installed there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TOLK_CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = SKIPPED_STATUS
