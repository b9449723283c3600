"""The libraries themselves, without the helpers around them: their jobs, their abilities, what bad input does."""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
