"""Exercises: what they ask and how an answer is judged, the four cells of each in a notebook, and which are solved.

Each is declared once, in ``declared/notebook_NN.py``; its cells and its tests are made from there.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
