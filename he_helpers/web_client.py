"""httpx without its command line, which would bring what draws tables in a terminal: a fifth of a role's start."""

import sys

# As where what the command line needs is not installed.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

if sys.modules["httpx._main"] is None:
    # For whoever asks for it by name.
    del sys.modules["httpx._main"]

__all__ = ["httpx"]
