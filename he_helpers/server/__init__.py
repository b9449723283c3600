"""The untrusted server: it stores encrypted tables, computes on ciphertexts, and never holds a secret key.

Six rooms, from the top: ``process`` runs either service, ``release`` and ``scoring``, on what all of it stands on:
``storage``, ``http`` and ``detection``.
"""
