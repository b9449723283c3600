"""The front door of a package: its public names, listed in its ``__init__.pyi``, each loaded at its first use."""

from collections.abc import Callable
from typing import Any

import lazy_loader


def front_door(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of the ``package`` whose ``__init__.py`` is ``file``.

    Whoever asks for another name gets an AttributeError that lists those that there are.
    """
    load, directory, names = lazy_loader.attach_stub(package, file)

    def named(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"{package} has no {name!r}. It has: {', '.join(names)}.")
        return load(name)

    return named, directory, names
