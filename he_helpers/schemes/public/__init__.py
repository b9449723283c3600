"""The public side of every scheme: encrypting, evaluating, reading keys and ciphertexts. No secret key is known here.

Each name is loaded from its module when it is first used: whoever needs a type alone loads no encryption library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
