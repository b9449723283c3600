"""Evidence of what a server process holds, and the search for secrets in it.

Whoever operates the server collects the evidence with `collect`: the modules that its process and its workers have
imported, copies of its database and of its files, and an image of their memory. Whoever fears for a secret searches the
evidence with `search` in a process of their own, so that what they look for reaches nobody.

The imported modules are not asked of the server. Every imported Python module leaves the path of its source
file in memory, as the file name of its compiled code, and the kernel lists the shared objects that are
mapped; both are read from outside.

The evidence holds whatever the server holds, access tokens in use included: hand it over in person and delete
it.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
