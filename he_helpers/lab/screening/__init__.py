"""The health screening: a person encrypts answers, a service scores them."""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
