"""Encryption schemes of three libraries behind one small interface.

``public`` encrypts, evaluates and reads what others sent; ``secret`` generates keys and decrypts. A server may import
the first, and can never import the second.

Each name is loaded from its module when it is first used: whoever needs a type or an error loads no library.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
