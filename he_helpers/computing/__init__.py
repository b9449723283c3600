"""Work on ciphertexts that are no table: models, division, blinded ratios, the messages of a scoring service.

Each name is loaded from its module when it is first used: a service that only checks models loads no library.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
