from pathlib import Path

import pytest

from server.media import native


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the compiled inner loop of the fan-out."""
    try:
        native.compiler()
    except native.BuildError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("native")
    native.build(folder)
    return folder
