"""The libraries themselves, without the helpers around them: their jobs, their abilities, what bad input does."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
