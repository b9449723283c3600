"""The figures of the notebooks: ``protocol`` draws roles and what they send, ``inside`` draws ciphertexts."""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
