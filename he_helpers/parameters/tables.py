"""The published tables that say how long a modulus may be (lattices) or must be (factoring) for a security level.

Lattices, ternary secret: the largest bit length of the coefficient modulus, by security level and ring dimension.

- HomomorphicEncryption.org security standard v1.1 of 2018, classical and quantum attackers, as Microsoft SEAL carries
  it (native/src/seal/util/hestdparms.h);
- Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption", ePrint 2024/463, table 5.2, classical
  attackers, as the authors' own repository carries it (gong-cr/FHE-Security-Guidelines, tables.go);
- quantum attackers in 2024: what the authors' script gives, as HomomorphicEncryption/SparseLWEkit tabulates it. An
  output of an earlier script in the authors' repository is milder (25, 50, 101, 203, 409, 825 at 128 bits) and close to
  the standard of 2018. The stricter numbers stand here.

Factoring: NIST SP 800-57 part 1, for Paillier, whose decisional composite residuosity problem has factoring the modulus
as its best known attack. Against quantum computers there is no table: Shor's algorithm factors a modulus of any length.
"""

STANDARD_TABLE = {
    128: {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881},
    192: {1024: 19, 2048: 37, 4096: 75, 8192: 152, 16384: 305, 32768: 611},
    256: {1024: 14, 2048: 29, 4096: 58, 8192: 118, 16384: 237, 32768: 476},
}
STANDARD_QUANTUM_TABLE = {
    128: {1024: 25, 2048: 51, 4096: 101, 8192: 202, 16384: 411, 32768: 827},
    192: {1024: 17, 2048: 35, 4096: 70, 8192: 141, 16384: 284, 32768: 571},
    256: {1024: 13, 2048: 27, 4096: 54, 8192: 109, 16384: 220, 32768: 443},
}
GUIDELINES_2024_TABLE = {
    128: {1024: 26, 2048: 53, 4096: 106, 8192: 214, 16384: 430, 32768: 868},
    192: {2048: 36, 4096: 73, 8192: 147, 16384: 297, 32768: 597},
    256: {2048: 27, 4096: 56, 8192: 114, 16384: 230, 32768: 462},
}
GUIDELINES_2024_QUANTUM_TABLE = {
    128: {1024: 20, 2048: 40, 4096: 80, 8192: 161, 16384: 322, 32768: 644},
    192: {2048: 29, 4096: 59, 8192: 119, 16384: 239, 32768: 479},
    256: {2048: 22, 4096: 47, 8192: 95, 16384: 192, 32768: 385},
}
# Smallest bit length of a modulus that is hard to factor, by security level. NIST says of 1024 bits "80 or less".
FACTORING_TABLE = {80: 1024, 112: 2048, 128: 3072, 192: 7680, 256: 15360}
# NIST SP 800-57 allows 112 bits until the end of 2030; nothing below it. The tables for lattices begin at 128.
LOWEST_SECURITY_LEVEL = 112
