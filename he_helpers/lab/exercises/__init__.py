"""Exercises: what they ask and how an answer is judged, the three cells of each in a notebook, and which are solved.

Each is declared once, in ``declared/notebook_NN.py``; its cells and its tests are made from there.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
