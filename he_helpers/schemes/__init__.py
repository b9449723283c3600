"""Encryption schemes of three libraries behind one small interface.

``public`` encrypts, evaluates and reads what others sent; ``secret`` generates keys and decrypts. A server may import
the first, and can never import the second.
"""
