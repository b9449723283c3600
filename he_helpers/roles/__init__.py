"""What a data administrator and a data analyst can do, each with their own folder and keys.

Each name is loaded from its module when it is first used, so that the analyst's process never loads the
administrator's side.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
