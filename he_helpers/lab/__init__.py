"""What only notebooks need, behind one front door.

A notebook begins with::

    from he_helpers import lab

    seat = lab.enter("administrator", notebook="04")

Each name is loaded from its module when it is first used, so that a notebook costs only what it uses. The rooms, from
the bottom: ``workspace`` (folders, servers, words on what is going on), ``stage`` (roles, catching up), ``notebook``
(tables, sources, errors, the mark of measured numbers), ``exercises``, ``figures``, ``measuring``, ``libraries``,
``evidence``, ``attacks``, ``screening``, ``widgets`` (pictures with buttons and fields), and ``running`` (the programs
behind make).
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
