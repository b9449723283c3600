"""The public side of every scheme: encrypting, evaluating, reading keys and ciphertexts. No secret key is known here.

Each name is loaded from its module when it is first used: whoever needs a type alone loads no encryption library.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
