"""The folders of the course, one for each role, and the servers that work in them."""
