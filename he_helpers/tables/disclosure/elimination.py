"""Linear algebra over the integers modulo the prime PRIME, on arrays of int64.

Matrices of zeros and ones, whose ranks over the rationals are wanted. A rank modulo a prime is never larger, and
smaller only if the prime divides every minor of that size that is not zero. By Hadamard's bound a minor of n rows of
zeros and ones has at most n log2(n) / 2 bits, so at most n log2(n) / 60 of the fifty million primes between 2^30 and
2^31 divide it: for 500 groups a prime drawn at random from them errs with a probability below 2e-6. PRIME is fixed, so
that a review gives the same answer twice; nobody chose the labels of a table for it.
"""

import numpy as np

PRIME = 2**31 - 1  # products of two residues fit into int64


def echelon(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reduced row echelon form without its rows of zeros, and the column of each row's pivot.

    matrix: integers, shape (rows, columns). Columns are gone through from left to right.
    """
    reduced = np.asarray(matrix, dtype=np.int64) % PRIME
    pivots: list[int] = []
    for column in range(reduced.shape[1]):
        row = len(pivots)
        if row == len(reduced):
            break
        below = np.flatnonzero(reduced[row:, column])
        if len(below):
            reduced[[row, row + below[0]]] = reduced[[row + below[0], row]]
            clear(reduced, row, column)
            pivots.append(column)
    return reduced[: len(pivots)], np.array(pivots, dtype=np.int64)


def clear(matrix: np.ndarray, row: int, column: int) -> None:
    """Put 1 at (row, column) and 0 in the rest of the column by additions of this row, in place."""
    matrix[row] = matrix[row] * pow(int(matrix[row, column]), -1, PRIME) % PRIME
    concerned = np.flatnonzero(matrix[:, column])
    concerned = concerned[concerned != row]
    matrix[concerned] = (matrix[concerned] - matrix[concerned, column, None] * matrix[row]) % PRIME


def rank(matrix: np.ndarray) -> int:
    return len(echelon(matrix)[1])


def normalised_columns(matrix: np.ndarray) -> np.ndarray:
    """Each column times what makes its first entry that is not zero 1: parallel columns become equal."""
    if not matrix.size:
        return matrix
    first = matrix[(matrix != 0).argmax(axis=0), np.arange(matrix.shape[1])]
    return matrix * _inverses(first) % PRIME


def _inverses(values: np.ndarray) -> np.ndarray:
    """The inverse of each number, and 0 for 0: its power PRIME - 2, by squaring (Fermat)."""
    powers, exponent, squares = np.ones_like(values), PRIME - 2, values
    while exponent:
        if exponent & 1:
            powers = powers * squares % PRIME
        squares = squares * squares % PRIME
        exponent >>= 1
    return powers
