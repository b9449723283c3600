"""Way 2: a dealer shares the key of Paillier ciphertexts once, and it never exists again.

Damgård and Jurik, "A Generalisation, a Simplification and Some Applications of Paillier's Probabilistic Public-Key
System" (PKC 2001), section 4, for s = 1, with the factor n! of Shoup, "Practical Threshold Signatures" (Eurocrypt
2000), which spares divisions modulo a number that nobody may know. The ciphertexts are those of the course.

primes      the modulus
key         the QuorumKey and its shares
proofs      that a partial decryption is right
dealer      dealing

What is assumed: the dealer forgets the primes, and dealt rightly; Paillier's assumption (decisional composite
residuosity, classical security only: factoring breaks it on a quantum computer); SHA-256 as a random oracle in the
proofs; at most k - 1 custodians work together against the others, and they were chosen before the key was made.
"""
