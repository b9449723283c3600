"""Set the course up: the lock, the installer and the check of what is installed.

Runs before anything is installed, so it needs the standard library alone.
"""
