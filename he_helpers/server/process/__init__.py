"""The running server: its start and end, its import guard, and what its workers do."""
