"""The untrusted server: it stores encrypted tables, computes on ciphertexts, and never holds a secret key.

Six rooms, from the top: ``process`` runs either service, ``release`` and ``scoring``, on what all of it stands on:
``storage``, ``http`` and ``detection``.

Each name is loaded from its module when it is first used: the import guard has to come before everything else.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
