"""The exercises of each notebook, in a module of its number."""
