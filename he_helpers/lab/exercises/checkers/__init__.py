"""How an answer is read, compared with the right one, and explained: a checker for each kind of answer.

A checker knows the mistakes that can be made in any exercise: an answer of another kind, a wrong sign, scale or order.
Those of one exercise are declared with it (`exercise.Wrong`).
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
