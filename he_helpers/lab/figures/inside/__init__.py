"""What is inside ciphertexts."""
