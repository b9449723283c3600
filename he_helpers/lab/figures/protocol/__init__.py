"""Who holds what, and what travels between the roles."""
