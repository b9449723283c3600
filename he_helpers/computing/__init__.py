"""Work on ciphertexts that are no table: models, division, blinded ratios, the messages of a scoring service.

Each name is loaded from its module when it is first used: a service that only checks models loads no library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
