"""Roles on the stage of a notebook: entering one, kernels of others, catching up with earlier notebooks."""
