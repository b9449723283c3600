"""What the server keeps: its folder, its database, how much of it, and how it is listed."""
