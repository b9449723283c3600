"""The programs behind make: JupyterLab, executing notebooks, the benchmark; and what git sees of a notebook."""
