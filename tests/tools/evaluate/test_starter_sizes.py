import pytest

from server.config import STARTER_MODELS
from server.models.catalogue import Catalogue
from tools.evaluate.__main__ import sizes
from tools.figures import Figure

SIZES = list(sizes(Catalogue.load(STARTER_MODELS)))


@pytest.mark.parametrize("figure", SIZES, ids=[each.name for each in SIZES])
def test_shipped_models_are_as_small_as_promised(figure: Figure) -> None:
    assert figure.holds
