"""Where the code of submissions runs: walls, a kernel between them, a watch over it, and a notebook run through."""
