"""Helpers of a course on homomorphic encryption: parameters, schemes, tables, server, roles, lab."""

from he_helpers.installation.waiting import wait_for_pyfhel_when_imported

# Here, because whatever imports Pyfhel in the course, a notebook's own cell included, has imported this package before.
wait_for_pyfhel_when_imported()
