"""Secret keys and pickles in bytes that nobody has vouched for, found before any parser of a library sees them."""
