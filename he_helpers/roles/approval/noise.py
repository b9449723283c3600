"""Noise with a budget: what is released is a sum plus a random number, and every answer is paid for.

The mechanism is OpenDP's discrete Laplace mechanism, on whole numbers: sums in the smallest unit of their column. It
runs here, on the decrypted sums: the noise protects from those who get results, not from the administrator.

What it promises (Dwork, McSherry, Nissim and Smith, TCC 2006; the discrete mechanism: Ghosh, Roughgarden and
Sundararajan, STOC 2009). Call two tables *neighbours* if they have the same readable labels, and differ in the amounts
of one contributor, in all rows of theirs. Whatever was released with a spent budget of epsilon in all, no result is
more than exp(epsilon) times as likely for a table as for a neighbour, whatever else somebody knows. Labels and the
sizes of groups are in the open, and are not protected.

What it assumes. The bounds of a column are right, and were not looked up in the data: they are declared, and not
enforced, since the amounts are encrypted. All that leaves about these amounts is paid from this budget: what was
released before the noise, or on another dataset with the same contributors, is not counted. Budgets add up (basic
composition).

How much noise. A contributor with r rows changes the sums of a column by r (high - low) at most, together over all
groups; the largest r of the table counts. The noise has the scale r (high - low) / epsilon, the average of its size.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING

from he_helpers.files import alone_with, private_folder, read_private, write_private
from he_helpers.roles.approval.policy import Noise
from he_helpers.roles.errors import BudgetSpent, DamagedRecord
from he_helpers.tables import Labels, Query

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_FILE = 2**28
# What the mechanism computes with: 64 bits, signed.
LARGEST_SENSITIVITY = 2**63


@dataclass(frozen=True)
class Question:
    """What is answered once and for all: the sums of ``column``, by ``group_by``, of the table of that SHA-256.

    sensitivity: the most that one contributor can change of the sums together, in units of the last of the
    ``decimals``. epsilon: what the answer costs.
    """

    table: str
    group_by: tuple[str, ...]
    column: str
    decimals: int
    sensitivity: int
    epsilon: float


def questions(
    query: Query, table: str, labels: Labels, contributor_label: str | None, decimals: dict[str, int], noise: Noise
) -> list[Question]:
    """The questions that a query of sums or means consists of, one a column that has bounds; none for a count."""
    rows = 1 if contributor_label is None else int(labels.group_sizes([contributor_label]).max())
    found = []
    for column in query.columns:
        if column in noise.bounds:
            low, high = (Fraction(str(bound)) * 10 ** decimals[column] for bound in noise.bounds[column])
            sensitivity = rows * (ceil(high) - floor(low))
            found.append(Question(table, query.group_by, column, decimals[column], sensitivity, noise.epsilon))
    return found


class NoiseBudget:
    """What was spent of a dataset's budget, and the noisy sums that it was spent on, in ``folder``/``dataset``.json.

    An answer is written with its price, in one step, before anybody sees it: a crash may leave one that never left, and
    never one that was not paid. The same question is answered from the file and costs nothing.
    """

    def __init__(self, folder: Path | str, dataset: str):
        self.folder = private_folder(folder)
        self.file = self.folder / f"{dataset}.json"

    @property
    def spent(self) -> float:
        return float(_total(self._answers()))

    def price(self, asked: Sequence[Question]) -> float:
        """What these questions would cost: those that were answered cost nothing."""
        answers = self._answers()
        return float(sum(Fraction(str(one.epsilon)) for one in asked if _key(one) not in answers))

    def answer(self, asked: Sequence[Question], sums: Sequence[Sequence[int]], budget: float) -> list[list[int]]:
        """The noisy sums of each question, in units of its column's last decimal.

        sums: for each question the true ones, in the same units, in the order of the groups.
        Raises BudgetSpent, and then nothing is spent; DamagedRecord.
        """
        with alone_with(self.folder):
            answers = self._answers()
            new = {_key(one): sums[place] for place, one in enumerate(asked) if _key(one) not in answers}
            questions = {_key(one): one for one in asked}
            price = sum((Fraction(str(questions[key].epsilon)) for key in new), Fraction(0))
            left = Fraction(str(budget)) - _total(answers)
            if price > left:
                raise BudgetSpent(
                    f"This would cost {float(price):g} of the budget for noise, and "
                    f"{float(max(left, Fraction(0))):g} of {budget:g} are left. Nothing was spent. "
                    "Answers that were given before can be given again. A "
                    "larger budget is a decision to promise less to everybody in the table."
                )
            for key, true in new.items():
                answers[key] = (questions[key].epsilon, _disturbed(true, questions[key]))
            if new:
                document = [[json.loads(key), epsilon, values] for key, (epsilon, values) in answers.items()]
                write_private(self.file, json.dumps(document).encode())
            return [answers[_key(one)][1] for one in asked]

    def disturbed(self, sums: pd.DataFrame, asked: Sequence[Question], budget: float) -> pd.DataFrame:
        """The decrypted sums with noise in each column, in the units of the data. Raises what answer() does."""
        import pandas as pd

        units = [[round(float(value) * 10**one.decimals) for value in sums[one.column]] for one in asked]
        noisy = self.answer(asked, units, budget)
        columns = {
            one.column: [value / 10**one.decimals for value in values] for one, values in zip(asked, noisy, strict=True)
        }
        return pd.DataFrame(columns, index=sums.index)[list(sums.columns)]

    def forget(self) -> None:
        """Remove the record. For rehearsals alone: what was released once stays released."""
        self.file.unlink(missing_ok=True)

    def _answers(self) -> dict[str, tuple[float, list[int]]]:
        if not self.file.exists():
            return {}
        try:
            document = json.loads(read_private(self.file, _LARGEST_FILE))
            return {
                _as_key(key): (float(epsilon), [int(value) for value in values]) for key, epsilon, values in document
            }
        except (ValueError, TypeError):
            raise DamagedRecord(
                f"{self.file} is no record of a budget, or one of another version of he_helpers. It says what was "
                "spent, so it is not passed over: restore it from a copy."
            ) from None


def _key(question: Question) -> str:
    return _as_key(asdict(question))


def _as_key(fields: dict) -> str:
    return json.dumps(fields, sort_keys=True)


def _total(answers: dict[str, tuple[float, list[int]]]) -> Fraction:
    return sum((Fraction(str(epsilon)) for epsilon, _ in answers.values()), Fraction(0))


def _disturbed(sums: Sequence[int], question: Question) -> list[int]:
    import opendp.prelude as dp  # half a second, and needed only where there is noise

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    mechanism = dp.m.make_laplace(*space, scale=question.sensitivity / question.epsilon)
    # What OpenDP says that it costs, rounded up in its last digits.
    assert mechanism.map(question.sensitivity) <= question.epsilon * (1 + 1e-9)
    return mechanism(list(sums))
