"""Make heart_study.csv: an invented cohort of 4,238 people with the summary figures of a published heart study.

    python data/make_heart_study.py            write the table
    python data/make_heart_study.py --check    compare it, exit code 1 on a difference

First the values of each column are chosen, without regard to who has them, until mean and standard deviation are the
published ones to four decimals. Then they are dealt out: every person has a score for each column, the scores of a
column are ranked, and the ranked people get the sorted values. The correlations of the scores are adjusted until the
values have nearly the published correlations (a Gaussian copula). What is missing, mostly for rare conditions, comes
from swaps: two people exchange a value when that brings the correlations nearer. heart_study.md describes the result.

Only `random.Random(seed).random()`, whose stream Python guarantees, integers, the four arithmetic operations, square
roots and `math.fsum`, which IEEE 754 rounds in one way only, are used: the bytes are the same everywhere. The built-in
`sum` of floats is not, because Python 3.12 changed it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, compress
from math import fsum, sqrt
from operator import mul
from pathlib import Path

from write_or_check import write_or_check

TABLE = Path(__file__).resolve().parent / "heart_study.csv"
SEED = 4238
ROWS = 4238
ROUNDS = 8
"""How often the correlations of the scores are adjusted."""
SWAPS = 400_000
"""How many swaps are tried; about one in twenty helps."""


@dataclass(frozen=True)
class Column:
    """Published figures of a column, as decimal text, and the shape that its values are drawn from."""

    missing: int
    minimum: str
    maximum: str
    mean: str
    std: str
    step: str
    draw: Callable[[random.Random], float] | None = None


def bell(skewness: float) -> Callable[[random.Random], float]:
    """A draw from about the normal distribution, with a longer tail to the right."""

    def draw(stream: random.Random) -> float:
        score = normal(stream)
        return score + skewness * score * score

    return draw


def normal(stream: random.Random) -> float:
    """The sum of twelve uniform numbers has variance 1 and is close to normal."""
    draw = stream.random
    return fsum([draw() for _ in range(12)]) - 6.0


def triangular(stream: random.Random) -> float:
    return stream.random() + stream.random()


def education_level(stream: random.Random) -> float:
    number = stream.random()
    return 1.0 + (number > 0.42) + (number > 0.72) + (number > 0.885)


def blood_sugar(stream: random.Random) -> float:
    """Most people lie closely together, and one in thirty above, some of them far."""
    return 1.5 + 11.0 * stream.random() if stream.random() < 0.032 else 0.6 * normal(stream)


def cigarettes(stream: random.Random) -> float:
    """What a smoker says: in packs and halves of packs, mostly."""
    number = stream.random()
    for share, value in (
        (0.36, 20.0),
        (0.47, 30.0),
        (0.55, 15.0),
        (0.62, 10.0),
        (0.68, 9.0),
        (0.74, 5.0),
        (0.79, 3.0),
        (0.83, 40.0),
        (0.87, 1.0),
        (0.90, 43.0),
        (0.93, 25.0),
        (0.96, 2.0),
    ):
        if number < share:
            return value
    return 15.0 + 5.0 * int(8.0 * stream.random())


COLUMNS = {
    "male": Column(0, "0", "1", "0.4292", "0.495", "1"),
    "age": Column(0, "32", "70", "49.5849", "8.5722", "1", triangular),
    "education": Column(105, "1", "4", "1.9789", "1.0198", "1", education_level),
    "currentSmoker": Column(0, "0", "1", "0.4941", "0.5", "1"),
    "cigsPerDay": Column(29, "0", "70", "9.0031", "11.9201", "1", cigarettes),
    "BPMeds": Column(53, "0", "1", "0.0296", "0.1696", "1"),
    "prevalentStroke": Column(0, "0", "1", "0.0059", "0.0766", "1"),
    "prevalentHyp": Column(0, "0", "1", "0.3105", "0.4628", "1"),
    "diabetes": Column(0, "0", "1", "0.0257", "0.1583", "1"),
    "totChol": Column(50, "107", "696", "236.7216", "44.5903", "1", bell(0.08)),
    "sysBP": Column(0, "83.5", "295", "132.3524", "22.0381", "0.5", bell(0.18)),
    "diaBP": Column(0, "48", "142.5", "82.8935", "11.9108", "0.5", bell(0.06)),
    "BMI": Column(19, "15.54", "56.8", "25.802", "4.0801", "0.01", bell(0.1)),
    "heartRate": Column(1, "44", "143", "75.8789", "12.0266", "1", bell(0.08)),
    "glucose": Column(388, "40", "394", "81.9668", "23.96", "1", blood_sugar),
    "TenYearCHD": Column(0, "0", "1", "0.152", "0.359", "1"),
}
# Published correlations of each column with those before it, in the order of COLUMNS.
CORRELATIONS = (
    (),
    (-0.029,),
    (0.017, -0.166),
    (0.198, -0.214, 0.019),
    (0.318, -0.193, 0.008, 0.77),
    (-0.053, 0.123, -0.011, -0.049, -0.046),
    (-0.005, 0.058, -0.035, -0.033, -0.033, 0.117),
    (0.005, 0.307, -0.082, -0.103, -0.066, 0.261, 0.075),
    (0.016, 0.101, -0.039, -0.044, -0.037, 0.052, 0.007, 0.078),
    (-0.07, 0.262, -0.023, -0.047, -0.026, 0.081, 0.0, 0.164, 0.04),
    (-0.036, 0.394, -0.13, -0.13, -0.089, 0.254, 0.057, 0.697, 0.111, 0.209),
    (0.058, 0.206, -0.062, -0.108, -0.057, 0.194, 0.045, 0.616, 0.05, 0.165, 0.784),
    (0.082, 0.136, -0.138, -0.168, -0.093, 0.101, 0.026, 0.301, 0.087, 0.116, 0.327, 0.378),
    (-0.117, -0.013, -0.054, 0.062, 0.075, 0.015, -0.018, 0.147, 0.049, 0.091, 0.182, 0.181, 0.068),
    (0.006, 0.122, -0.036, -0.057, -0.059, 0.051, 0.018, 0.087, 0.618, 0.046, 0.141, 0.061, 0.087, 0.095),
    (0.088, 0.225, -0.054, 0.019, 0.058, 0.087, 0.062, 0.178, 0.097, 0.082, 0.216, 0.145, 0.075, 0.023, 0.126),
)
NAMES = tuple(COLUMNS)
SMOKER, CIGARETTES = NAMES.index("currentSmoker"), NAMES.index("cigsPerDay")

Values = list[int]
"""In units of the column's step."""


def main(arguments: Sequence[str] | None = None, path: Path = TABLE) -> int:
    return write_or_check("\n".join([",".join(NAMES), *records()]) + "\n", path, arguments)


def records() -> list[str]:
    stream = random.Random(SEED)
    people = deal(stream, [choose_values(column, stream) for column in COLUMNS.values()])
    texts = []
    for name, column in COLUMNS.items():
        known = {value: written(value, column) for value in set(people[name])}
        texts.append([known[value] for value in people[name]])
    return [",".join(cells) for cells in zip(*texts, strict=True)]


def written(value: int | None, column: Column) -> str:
    if value is None:
        return ""
    number = value * Fraction(column.step)
    return f"{float(number):.2f}".rstrip("0").rstrip(".")


# The values of a column


def choose_values(column: Column, stream: random.Random) -> Values:
    """Sorted values of all who have one, with the published range, mean and standard deviation."""
    n = ROWS - column.missing
    step = Fraction(column.step)
    low, high = int(Fraction(column.minimum) / step), int(Fraction(column.maximum) / step)
    total = round(Fraction(column.mean) * n / step)
    if column.draw is None:
        return [0] * (n - total) + [1] * total
    squares = [
        Fraction(text) ** 2 / step**2 * (n - 1) + Fraction(total * total, n)
        for text in (_just(column.std, -1), _just(column.std, 1))
    ]
    smokers = int(Fraction(COLUMNS["currentSmoker"].mean) * ROWS + Fraction(1, 2))
    zeros = n - (smokers - column.missing) if column is COLUMNS["cigsPerDay"] else 0
    if zeros:
        low = 1
    shape = sorted(column.draw(stream) for _ in range(n - zeros))
    # Numbers of cigarettes are drawn as such, and moving them would blur the packs.
    values = [int(x) for x in shape] if zeros else scaled(shape, low, high, total, squares[0])
    values[-1] = high
    if not zeros:
        values[0] = low
    match_moments(values, low, high, total, squares, stream)
    return sorted([0] * zeros + values)


def _just(text: str, sign: int) -> Fraction:
    """A little inside the interval of numbers that are rounded to the published one."""
    return Fraction(text) + sign * Fraction(4, 100_000)


def scaled(shape: Sequence[float], low: int, high: int, total: int, square: Fraction) -> Values:
    """The shape, moved and stretched, on whole steps within the range, near to the wanted sums."""
    n = len(shape)
    mean = total / n
    std = sqrt(float(square) / n - mean * mean)
    centre = fsum(shape) / n
    spread = sqrt(fsum((x - centre) ** 2 for x in shape) / n)
    move, stretch = mean, std
    values: Values = []
    for _ in range(12):
        values = [min(max(int(move + stretch * (x - centre) / spread + 0.5), low), high) for x in shape]
        reached = sum(values) / n
        reached_std = sqrt(sum(v * v for v in values) / n - reached * reached)
        move += mean - reached
        stretch *= std / reached_std
    return values


def match_moments(
    values: Values, low: int, high: int, total: int, squares: Sequence[Fraction], stream: random.Random
) -> None:
    """Change single values by a step until their sum is ``total`` and the sum of squares lies between ``squares``.

    The first and the last value stay, because they are the range.
    """

    def pick() -> int:
        return 1 + int(stream.random() * (len(values) - 2))

    difference = total - sum(values)
    while difference:
        change = 1 if difference > 0 else -1
        i = pick()
        if low <= values[i] + change <= high:
            values[i] += change
            difference -= change
    square = sum(v * v for v in values)
    middle = (squares[0] + squares[1]) / 2
    while not squares[0] <= square <= squares[1]:
        i, j = pick(), pick()
        # One up and one down keeps the sum, and moves the sum of squares by 2 (up - down) + 2.
        change = 2 * (values[i] - values[j]) + 2
        if values[i] < high and values[j] > low and i != j and abs(square + change - middle) < abs(square - middle):
            values[i] += 1
            values[j] -= 1
            square += change


# Who has which value


def deal(stream: random.Random, values: Sequence[Values]) -> dict[str, list[int | None]]:
    """Give the values to people so that the columns correlate as published."""
    noise = [[normal(stream) for _ in NAMES] for _ in range(ROWS)]
    chances = [[stream.random() for _ in range(ROWS)] for _ in NAMES]
    wanted = {(i, j): CORRELATIONS[i][j] for i in range(len(NAMES)) for j in range(i)}
    matrix = [[float(i == j) for j in range(len(NAMES))] for i in range(len(NAMES))]
    for (i, j), correlation in wanted.items():
        matrix[i][j] = matrix[j][i] = correlation
    # Both are about who smokes how much; their correlation follows from the values.
    del wanted[CIGARETTES, SMOKER]
    people = rank_and_deal(scores(noise, matrix), values, chances)
    for _ in range(ROUNDS):
        for (i, j), correlation in wanted.items():
            error = correlation - correlation_of(people[i], people[j])
            matrix[i][j] = matrix[j][i] = max(-0.99, min(0.99, matrix[i][j] + error))
        people = rank_and_deal(scores(noise, matrix), values, chances)
    swap(people, wanted, stream)
    return dict(zip(NAMES, people, strict=True))


def swap(people: list[list[int | None]], wanted: dict[tuple[int, int], float], stream: random.Random) -> None:
    """Exchange single values of two people where that lessens the squared errors of the correlations.

    Only people without missing values take part, so that each swap changes one sum of products a pair of columns and
    nothing else.
    """
    errors = {(i, j): correlation - correlation_of(people[i], people[j]) for (i, j), correlation in wanted.items()}
    unit = {(i, j): correlation_per_product(people[i], people[j]) for i, j in wanted}
    # Twice the errors, as the gain takes them: doubling loses no bit.
    twice = [[2.0 * errors.get((max(i, j), min(i, j)), 0.0) for j in range(len(NAMES))] for i in range(len(NAMES))]
    weight = [[unit.get((max(i, j), min(i, j)), 0.0) for j in range(len(NAMES))] for i in range(len(NAMES))]
    complete = [values for values in map(list, zip(*people, strict=True)) if None not in values]
    places = [row for row in range(ROWS) if all(column[row] is not None for column in people)]
    movable = [index for index in range(len(NAMES)) if index != SMOKER]
    draw, columns, rows = stream.random, len(movable), len(complete)
    for _ in range(SWAPS):
        column = movable[int(draw() * columns)]
        a, b = complete[int(draw() * rows)], complete[int(draw() * rows)]
        difference = a[column] - b[column]
        if not difference or column == CIGARETTES and a[SMOKER] != b[SMOKER]:
            continue
        gain = 0.0
        # The column itself has weight 0. Where both people have the same value, nothing changes.
        for x, y, e, w in zip(a, b, twice[column], weight[column], strict=True):
            if x != y:
                change = difference * (y - x) * w
                gain += change * (e - change)
        if gain > 0.0:
            changes = [difference * (y - x) * w for x, y, w in zip(a, b, weight[column], strict=True)]
            a[column], b[column] = b[column], a[column]
            for other, change in enumerate(changes):
                twice[column][other] -= 2.0 * change
                twice[other][column] = twice[column][other]
    for row, values in zip(places, complete, strict=True):
        for index, value in enumerate(values):
            people[index][row] = value


def scores(noise: Sequence[Sequence[float]], matrix: list[list[float]]) -> list[list[float]]:
    """For each column the scores of all people, correlated as in the matrix, or nearly so."""
    rows = triangle(matrix)
    return [[fsum(map(mul, row, person)) for person in noise] for row in rows]


def triangle(matrix: list[list[float]]) -> list[list[float]]:
    """The Cholesky factor. While the matrix is no correlation matrix, it is drawn towards the identity in place."""
    n = len(matrix)
    while True:
        rows: list[list[float]] = []
        for i in range(n):
            row: list[float] = []
            for j in range(i):
                row.append((matrix[i][j] - fsum(map(mul, row, rows[j]))) / rows[j][j])
            rest = 1.0 - fsum(x * x for x in row)
            if rest < 1e-3:
                break
            rows.append([*row, sqrt(rest)])
        else:
            return rows
        for i, j in combinations(range(n), 2):
            matrix[i][j] = matrix[j][i] = 0.995 * matrix[i][j]


def rank_and_deal(
    score: Sequence[Sequence[float]], values: Sequence[Values], chances: Sequence[Sequence[float]]
) -> list[list[int | None]]:
    people: list[list[int | None]] = []
    for index, (own, column) in enumerate(zip(score, COLUMNS.values(), strict=True)):
        smokers = people[SMOKER] if index == CIGARETTES else [1] * ROWS
        # Who has no value is chance alone; of the cigarettes, chance among the smokers.
        by_chance = sorted((i for i in range(ROWS) if smokers[i]), key=chances[index].__getitem__)
        absent = set(by_chance[: column.missing])
        ranked = sorted((i for i in range(ROWS) if i not in absent), key=own.__getitem__)
        if index == CIGARETTES:
            # Non-smokers come first and get the zeros.
            ranked.sort(key=smokers.__getitem__)
        dealt: list[int | None] = [None] * ROWS
        for i, value in zip(ranked, values[index], strict=True):
            dealt[i] = value
        people.append(dealt)
    return people


def correlation_of(xs: Sequence[int | None], ys: Sequence[int | None]) -> float:
    """Pearson's, over the people who have both values."""
    xs, ys = of_those_with_both(xs, ys)
    product = len(xs) * sum(map(mul, xs, ys)) - sum(xs) * sum(ys)
    return product / len(xs) * correlation_per_product(xs, ys)


def correlation_per_product(xs: Sequence[int | None], ys: Sequence[int | None]) -> float:
    """How much a sum of products that is larger by 1 adds to the correlation."""
    xs, ys = of_those_with_both(xs, ys)
    n = len(xs)
    squares = [n * sum(map(mul, side, side)) - sum(side) ** 2 for side in (xs, ys)]
    return n / sqrt(squares[0]) / sqrt(squares[1])


def of_those_with_both(xs: Sequence[int | None], ys: Sequence[int | None]) -> tuple[Sequence[int], Sequence[int]]:
    if None not in xs and None not in ys:
        return xs, ys
    both = [x is not None and y is not None for x, y in zip(xs, ys, strict=True)]
    return list(compress(xs, both)), list(compress(ys, both))


if __name__ == "__main__":
    sys.exit(main())
