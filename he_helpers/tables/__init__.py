"""Encrypted tables: readable labels, encrypted numbers, group-by sums as a pure function of ciphertexts and labels.

Each name is loaded from its module when it is first used: whoever needs labels alone loads no encryption library, as
the server's own process, which leaves the work on ciphertexts to workers.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
