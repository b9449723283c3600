"""Tables of strangers: read and added up in a process of its own, which has no key and may die.

What a library makes of a stranger's bytes must end nothing else, least of all the process of somebody who holds a share
of a key. This guards against crashes and exhaustion. It is no sandbox, and does not tell what the ciphertexts hold.
"""

from he_helpers.quarantine.reading import compute_aggregate, read_table

__all__ = ["compute_aggregate", "read_table"]
