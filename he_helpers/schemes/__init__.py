"""Encryption schemes of three libraries behind one small interface.

``keys`` holds the secret side (key generation, decryption); ``public`` is what a server may import.
"""
