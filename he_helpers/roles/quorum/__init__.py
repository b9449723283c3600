"""Release by quorum among roles: letters between custodians, their partial decryptions, and who collects these."""
