"""Tests of the roles: keyring, contacts, release, connection, review, and the whole sequence."""
