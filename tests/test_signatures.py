"""A public call shows its keywords: no ``**options`` hides them where a notebook can reach it."""

import importlib
import inspect
from types import ModuleType

import pytest

from tests.notebooks.rules import FRONT_DOORS


def hidden(name, thing):
    """Names of the calls in ``thing`` that take any keyword."""
    if inspect.ismodule(thing):
        # A room behind a front door; what it imports for itself is no part of it.
        for key in getattr(thing, "__all__", ()):
            yield from hidden(f"{name}.{key}", getattr(thing, key))
    calls = {name: thing}
    if inspect.isclass(thing):
        calls |= {f"{name}.{key}": value for key, value in inspect.getmembers(thing) if not key.startswith("_")}
        calls[name] = thing.__init__
    for call, function in calls.items():
        function = getattr(function, "__func__", function)
        if inspect.isfunction(function) and function.__module__.startswith("he_helpers"):
            kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
            if inspect.Parameter.VAR_KEYWORD in kinds:
                yield call


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_public_calls_show_their_keywords(door):
    module = importlib.import_module(door)
    names = [name for name in dir(module) if not name.startswith("_")]
    assert names
    assert not [call for name in names for call in hidden(name, getattr(module, name))]


def test_hidden_keywords_are_found():
    class Open:
        def __init__(self, **options): ...
        def shown(self, *, key=1): ...
        def method(self, **options): ...

    Open.__init__.__module__ = Open.method.__module__ = Open.shown.__module__ = "he_helpers"
    room = ModuleType("room")
    room.__all__, room.Open = ["Open"], Open
    assert list(hidden("Open", Open)) == ["Open", "Open.method"]
    assert list(hidden("room", room)) == ["room.Open", "room.Open.method"]
