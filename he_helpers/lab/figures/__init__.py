"""The figures of the notebooks: ``protocol`` draws roles and what they send, ``inside`` draws ciphertexts."""

import sys
from typing import Any

from he_helpers.front_door import front_door
from he_helpers.lab.workspace.doing import doing

_named, __dir__, __all__ = front_door(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__ or "matplotlib" in sys.modules:
        return _named(name)
    with doing("Loading what draws figures: a few seconds."):
        return _named(name)
