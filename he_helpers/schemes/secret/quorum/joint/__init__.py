"""Way 3: custodians make a BFV key that nobody ever holds, and decrypt with their shares of it.

The secret key is the sum of one share for each set of n - k + 1 custodians of n; all members of a set know its share.
Any k custodians meet every set, so that together they know all shares; k - 1 custodians miss the set of the others, and
its share is to them what any secret key is. This is replicated secret sharing (Ito, Saito and Nishizeki, 1987): its
shares are as short as keys, which keeps the noise small, and there are binomial(n, k - 1) of them, so it is for few
custodians. The rest is threshold decryption by noise flooding as in Mouchet, Troncoso-Pastoriza, Bossuat and Hubaux,
"Multiparty Homomorphic Encryption from Ring-Learning-With-Errors" (ePrint 2020/304); that each set makes its noise by a
pseudo-random function, so that its members agree, is as in "Threshold (Fully) Homomorphic Encryption" (ePrint 2025/699)
for small binomial coefficients.

ring        polynomials modulo the whole coefficient modulus
sampling    polynomials from seeds
smudging    how much noise hides what a partial decryption would tell, and what remains of the noise budget
sharing     who shares what with whom
native      from and to TenSEAL
ceremony    the making of the key, by letters
key         the QuorumKey and its shares

What is assumed: the ring learning with errors problem for one share with all others known, classical security as for
any key of these parameters; SHAKE-256 as a random function; at most k - 1 custodians work together against the others.
They may do so actively while the key is made. Afterwards a custodian who lies spoils results, as ``key`` says.
"""
