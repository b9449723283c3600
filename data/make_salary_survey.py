"""Make salary_survey.csv: invented answers of 1,000 people with the summary figures of a published survey.

    python data/make_salary_survey.py            write the table
    python data/make_salary_survey.py --check    compare it, exit code 1 on a difference

The answers are drawn and then changed by single steps until means and standard deviations are the published ones. The
salaries start as the published linear model and noise, on 101 levels, and are changed by single levels until least
squares finds the published coefficients again. Only `random.Random(seed).random()`, whose stream Python guarantees,
the four arithmetic operations and `math.fsum` are used, so the bytes are the same everywhere. salary_survey.md
describes the result.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from math import fsum
from pathlib import Path

from write_or_check import write_or_check

TABLE = Path(__file__).resolve().parent / "salary_survey.csv"
HEADER = "age,healthy_eating,active_lifestyle,gender,salary"
SEED = 1001
ROWS = 1000
# Published: sums (mean x 1,000) and standard deviations.
SUMS = {"age": 41_155, "healthy_eating": 4_944, "active_lifestyle": 5_683, "gender": 510, "salary": 2_227_461}
AGE, EATING, ACTIVE = 13.463, 2.013, 2.049
SALARY, RESIDUAL = 1080.21, 404.0
# Published with one decimal (age: two); 466.42 is where the means of all columns agree with the intercept.
INTERCEPT, WEIGHTS = 993.1, (-0.59, 466.42, -184.5, 2.3)
# 101 distinct salaries between the published ends are evenly spaced ones.
LEVELS = [553 + int(49.97 * level + 0.5) for level in range(101)]


def main(arguments: Sequence[str] | None = None, path: Path = TABLE) -> int:
    return write_or_check("\n".join([HEADER, *records()]) + "\n", path, arguments)


def records() -> list[str]:
    stream = random.Random(SEED)
    ages = matched([18 + 47 * stream.random() for _ in range(ROWS)], 18, 64, SUMS["age"], AGE, stream)
    eating = matched(bell(stream, 4.944, EATING), 0, 10, SUMS["healthy_eating"], EATING, stream)
    active = matched(bell(stream, 5.683, ACTIVE), 0, 10, SUMS["active_lifestyle"], ACTIVE, stream)
    gender = [1] * SUMS["gender"] + [0] * (ROWS - SUMS["gender"])
    shuffle(gender, stream)
    answers = [ages, eating, active, gender]
    match_spread_of_model(answers, stream)
    salaries = match_salaries(answers, stream)
    return [",".join(map(str, row)) for row in zip(*answers, salaries, strict=True)]


def bell(stream: random.Random, mean: float, std: float) -> list[float]:
    """About normal: the sum of twelve uniform numbers has variance 1."""
    return [mean + std * (fsum(stream.random() for _ in range(12)) - 6) for _ in range(ROWS)]


def shuffle(values: list[int], stream: random.Random) -> None:
    for last in range(len(values) - 1, 0, -1):
        other = int(stream.random() * (last + 1))
        values[last], values[other] = values[other], values[last]


def matched(drawn: Sequence[float], low: int, high: int, total: int, std: float, stream: random.Random) -> list[int]:
    """Whole numbers from ``low`` to ``high`` near to those drawn, with this sum and standard deviation (n - 1)."""
    values = [min(max(int(value + 0.5), low), high) for value in drawn]
    ends = {values.index(min(values)): low, values.index(max(values)): high}
    for row, end in ends.items():
        values[row] = end
    wanted = std * std * (ROWS - 1) + total * total / ROWS
    difference, squares = sum(values) - total, sum(value * value for value in values)

    def move(row: int, step: int) -> None:
        nonlocal difference, squares
        difference += step
        squares += 2 * step * values[row] + 1
        values[row] += step

    def movable(step: int) -> int:
        while True:
            row = int(stream.random() * ROWS)
            if row not in ends and low <= values[row] + step <= high:
                return row

    while difference:
        step = -1 if difference > 0 else 1
        move(movable(step), step)
    # One up and one down keeps the sum.
    for _ in range(20_000):
        up, down = movable(1), movable(-1)
        error, change = squares - wanted, 2 * (values[up] - values[down]) + 2
        if up != down and abs(error + change) < abs(error):
            move(up, 1)
            move(down, -1)
    return values


def match_spread_of_model(answers: list[list[int]], stream: random.Random) -> None:
    """Exchange answers about the active lifestyle until what the model explains has its share of the variance."""
    active = answers[2]
    explained = model(answers)
    mean = fsum(explained) / ROWS
    error = fsum((value - mean) ** 2 for value in explained) - (SALARY * SALARY - RESIDUAL * RESIDUAL) * (ROWS - 1)
    for _ in range(20_000):
        one, two = int(stream.random() * ROWS), int(stream.random() * ROWS)
        step = WEIGHTS[2] * (active[two] - active[one])
        change = 2 * step * (explained[one] - explained[two] + step)
        if one != two and abs(error + change) < abs(error):
            active[one], active[two] = active[two], active[one]
            explained[one] += step
            explained[two] -= step
            error += change


def model(answers: list[list[int]]) -> list[float]:
    """The published linear model."""
    return [
        INTERCEPT + fsum(weight * value for weight, value in zip(WEIGHTS, row, strict=True))
        for row in zip(*answers, strict=True)
    ]


def match_salaries(answers: list[list[int]], stream: random.Random) -> list[int]:
    """Salaries on the levels, every level at least once, to which least squares fits the published model.

    That is so when the residuals add up to 0, alone and times each answer; their squares give their spread.
    """
    explained = model(answers)
    noise = bell(stream, 0, RESIDUAL)
    rows = [(1, *row) for row in zip(*answers, strict=True)]
    levels = [nearest(value + extra) for value, extra in zip(explained, noise, strict=True)]
    use_every_level(levels)
    residuals = [LEVELS[level] - value for level, value in zip(levels, explained, strict=True)]
    means = [0.0, *(fsum(column) / ROWS for column in answers)]
    # How far off each sum may be, in units that make them comparable: a small part of the last published digit.
    scales = (1.0, 200.0, 20.0, 20.0, 2.0)
    errors = [
        fsum(residual * (row[i] - means[i]) for residual, row in zip(residuals, rows, strict=True)) for i in range(5)
    ]
    errors[0] = sum(LEVELS[level] for level in levels) - SUMS["salary"]
    squares = fsum(residual * residual for residual in residuals) - RESIDUAL * RESIDUAL * (ROWS - 1)
    used = [levels.count(level) for level in range(len(LEVELS))]

    def far(errors: Sequence[float], squares: float) -> float:
        return fsum([(error / scale) ** 2 for error, scale in zip(errors, scales, strict=True)]) + (squares / 1e5) ** 2

    now = far(errors, squares)
    for _ in range(400_000):
        one, two = int(stream.random() * ROWS), int(stream.random() * ROWS)
        # One up, one down, or both.
        which = stream.random()
        new_one, new_two = levels[one] + (which < 0.75), levels[two] - (which > 0.25)
        if one == two or new_one == len(LEVELS) or new_two < 0:
            continue
        up, down = LEVELS[new_one] - LEVELS[levels[one]], LEVELS[new_two] - LEVELS[levels[two]]
        spread = squares + up * (2 * residuals[one] + up) + down * (2 * residuals[two] + down)
        # A part of how far off it would be; for most, that is too far already.
        if ((errors[0] + up + down) / scales[0]) ** 2 + (spread / 1e5) ** 2 >= now:
            continue
        if any(used[old] == 1 for old, new in ((levels[one], new_one), (levels[two], new_two)) if old != new):
            continue
        moved = [
            error + up * (a - mean) + down * (b - mean)
            for error, mean, a, b in zip(errors, means, rows[one], rows[two], strict=True)
        ]
        then = far(moved, spread)
        if then >= now or used[levels[one]] == 2 and levels[one] == levels[two]:
            continue
        now, errors, squares = then, moved, spread
        residuals[one] += up
        residuals[two] += down
        for row, new in ((one, new_one), (two, new_two)):
            used[levels[row]] -= 1
            used[new] += 1
            levels[row] = new
    return [LEVELS[level] for level in levels]


def use_every_level(levels: list[int]) -> None:
    """Move, to each level that nobody has, the nearest person whose level others have too."""
    for level in range(len(LEVELS) - 1, -1, -1):
        if level not in levels:
            shared = [row for row, own in enumerate(levels) if levels.count(own) > 1]
            levels[min(shared, key=lambda row: abs(levels[row] - level))] = level  # noqa: B023


def nearest(value: float) -> int:
    return min(max(int((value - LEVELS[0]) / 49.97 + 0.5), 0), len(LEVELS) - 1)


if __name__ == "__main__":
    sys.exit(main())
