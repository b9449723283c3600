"""The adapter of Pyfhel: ``public`` encrypts and evaluates, ``secret`` generates keys and decrypts."""
