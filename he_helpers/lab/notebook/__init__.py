"""What a notebook shows and reads: tables, sources, short errors."""
