"""What follows what one presses and types, each with a static form where no kernel answers."""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
