"""The untrusted server: it stores encrypted tables, computes on ciphertexts, and never holds a secret key."""
