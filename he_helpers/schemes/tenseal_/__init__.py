"""The adapter of TenSEAL: ``public`` encrypts and evaluates, ``secret`` generates keys and decrypts."""
