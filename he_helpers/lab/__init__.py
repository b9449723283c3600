"""What only notebooks need: entering a role, tables, figures, showing source, timing.

A notebook begins with::

    from he_helpers import lab

    seat = lab.enter("administrator", notebook="02")

Each name is loaded from its module when it is first used, so that the notebook's helpers cost only what it
uses.
"""

from importlib import import_module

_MODULE_OF = {
    "Seat": "seat",
    "enter": "entrance",
    "WrongRole": "workspace",
    "UnknownRole": "workspace",
    "ServerNotStarted": "server_process",
    "CatchUpFailed": "catch_up",
    "TableError": "data",
    "load_table": "data",
    "decimals": "data",
    "show_source": "source",
}
_MODULES = ("evidence", "figures", "measure")

__all__ = sorted([*_MODULE_OF, *_MODULES])


def __getattr__(name: str):
    if name in _MODULES:
        return import_module(f"he_helpers.lab.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"he_helpers.lab has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(f"he_helpers.lab.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
