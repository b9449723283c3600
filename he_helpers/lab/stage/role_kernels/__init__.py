"""The kernels of roles: how one is started, what its process does, and the cells that are run in it."""
