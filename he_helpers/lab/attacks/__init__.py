"""Attacks of notebook 19 on ciphertexts of plain TenSEAL, as far as they are too long for the page.

For teaching: nothing else in the course imports this, and nothing here needs a secret key that is not the attacker's.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
