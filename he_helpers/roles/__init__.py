"""What a data administrator and a data analyst can do, each with their own folder and keys.

Each name is loaded from its module when it is first used, so that the analyst's process never loads the
administrator's side.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
