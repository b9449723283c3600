"""The adapter of phe: ``public`` encrypts and evaluates, ``secret`` generates keys and decrypts."""
