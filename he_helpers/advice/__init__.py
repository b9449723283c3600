"""Advice for a job: the cheapest parameter set of each scheme, the reason for each number, and a run at the limits.

    job = Job(rows=1000, columns=5, largest=100_000, decimals=2, operations=("sums",))
    print(advise(job))

``verify`` runs a job at its limits under the advice. It needs keys, which a server must never load: each name is loaded
from its module when it is first used.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
