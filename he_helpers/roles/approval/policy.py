"""What an administrator allows of one dataset, as one object that is kept beside the uploaded copy.

The server enforces what it can know from readable labels: the minimum, and dominance by numbers of rows. Everything
else needs amounts, or a record that the server could change: that is the administrator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from he_helpers.roles.arguments import checked_minimum, of_kind
from he_helpers.roles.errors import WrongKind
from he_helpers.tables.disclosure.contributors import DOMINANT_CONTRIBUTORS, LARGEST_SHARE
from he_helpers.tables.statistics import MomentPlan

# What holds where an administrator says nothing: with it no group is too small, as with a minimum of 1.
NO_LIMIT = 1
# Beyond these a review could not compute with them, and the noise would be no number.
_LARGEST_BOUND = 10**15
_SMALLEST_EPSILON = 1e-9


@dataclass(frozen=True)
class Noise:
    """Noise for every released sum, paid from a budget (see `noise`, which says what that promises).

    epsilon: what each column of each new question costs; smaller means more noise. budget: what the dataset has in all,
    over every table of its name. bounds: for each column the smallest and the largest value that a single row may have,
    in the units of the data, known beforehand and not looked up in the table.

    Raises WrongKind for numbers that are not above zero, and for bounds that are no two numbers in order.
    """

    epsilon: float
    budget: float
    bounds: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        for what, value in (("epsilon", self.epsilon), ("budget", self.budget)):
            if not _is_number(value) or not _SMALLEST_EPSILON <= value < 1e6:
                raise WrongKind(
                    f"Expected is {what} as a number above 0, at least {_SMALLEST_EPSILON}, such as 0.5; this is "
                    f"{value!r:.40}."
                )
        of_kind(self.bounds, Mapping, 'bounds by column, such as {"age": (18, 100)}')
        pairs = {}
        for name, pair in self.bounds.items():
            numbers = list(pair) if isinstance(pair, (tuple, list)) else []
            if len(numbers) != 2 or not all(map(_is_bound, numbers)) or not numbers[0] < numbers[1]:
                raise WrongKind(
                    f"Expected are the bounds of {name!r:.40} as (low, high), within ± {_LARGEST_BOUND:.0e}; this is "
                    f"{pair!r:.40}."
                )
            pairs[str(name)] = (numbers[0], numbers[1])
        object.__setattr__(self, "bounds", pairs)


@dataclass(frozen=True)
class DisclosurePolicy:
    """What may leave of a dataset; the defaults are what holds without one.

    minimum: no group of fewer contributors (1: no limit). contributor_label: the label whose values tell contributors
    apart; None: each row is one. dominance: (n, k), the n largest contributors may hold the share k of a sum; None: not
    asked. ledger: compare each request with everything approved before. rounding: a whole number in units of the data;
    released sums are its multiples. noise: see Noise. plan: what the columns of a table of moments are, so that counts
    of present values, their gaps and bins are looked at.

    Rounding and noise do not switch the ledger off: say ledger=False where noise has taken its place.
    Raises WrongKind.
    """

    minimum: int = NO_LIMIT
    contributor_label: str | None = None
    dominance: tuple[int, float] | None = (DOMINANT_CONTRIBUTORS, LARGEST_SHARE)
    ledger: bool = True
    rounding: int | None = None
    noise: Noise | None = None
    plan: MomentPlan | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "minimum", checked_minimum(self.minimum))
        if self.contributor_label is not None:
            of_kind(self.contributor_label, str, "contributor_label as the name of one label")
        if self.dominance is not None:
            object.__setattr__(self, "dominance", _checked_dominance(self.dominance))
        of_kind(self.ledger, bool, "ledger as True or False")
        if self.rounding is not None and (type(self.rounding) is not int or self.rounding < 1):
            raise WrongKind(
                f"Expected is rounding as a whole number of 1 or more, such as 1000; this is {self.rounding!r:.40}."
            )
        if self.noise is not None:
            of_kind(self.noise, Noise, "noise as Noise(epsilon, budget, bounds)")
        if self.plan is not None:
            of_kind(self.plan, MomentPlan, "plan as the MomentPlan of the table")

    @classmethod
    def given(
        cls, policy: DisclosurePolicy | None, minimum: int | None, contributor_label: str | None
    ) -> DisclosurePolicy:
        """The policy, or one of these two numbers. Raises WrongKind for both and for neither."""
        if policy is None:
            if minimum is None:
                raise WrongKind("Say what may leave: minimum_group_size, such as 10, or policy=DisclosurePolicy(...).")
            return cls(minimum, contributor_label)
        of_kind(policy, cls, "a policy, such as DisclosurePolicy(minimum=10)")
        if minimum is not None or contributor_label is not None:
            raise WrongKind("A policy has its own minimum and contributor_label: give these, or the policy, not both.")
        return policy

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form: minimum and contributor label, and of the rest what is not the default."""
        fields: dict[str, Any] = {
            "minimum_group_size": self.minimum,
            "contributor_label": self.contributor_label,
        }
        if self.dominance != DisclosurePolicy.dominance:
            fields["dominance"] = self.dominance and list(self.dominance)
        if not self.ledger:
            fields["ledger"] = False
        if self.rounding is not None:
            fields["rounding"] = self.rounding
        if self.noise is not None:
            bounds = {name: list(pair) for name, pair in self.noise.bounds.items()}
            fields["noise"] = {"epsilon": self.noise.epsilon, "budget": self.noise.budget, "bounds": bounds}
        if self.plan is not None:
            fields["plan"] = self.plan.to_dict()
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> DisclosurePolicy:
        """The inverse of to_dict. Raises WrongKind, KeyError, ShapeMismatch for what it never gives."""
        noise, plan = fields.get("noise"), fields.get("plan")
        dominance = fields.get("dominance", cls.dominance)
        return cls(
            minimum=fields["minimum_group_size"],
            contributor_label=fields.get("contributor_label"),
            dominance=dominance and tuple(dominance),
            ledger=fields.get("ledger", True),
            rounding=fields.get("rounding"),
            noise=noise and Noise(**noise),
            plan=plan and MomentPlan.from_dict(plan),
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_bound(value: Any) -> bool:
    return _is_number(value) and -_LARGEST_BOUND <= value <= _LARGEST_BOUND


def _checked_dominance(pair: Any) -> tuple[int, float]:
    if isinstance(pair, tuple) and len(pair) == 2 and type(pair[0]) is int and _is_number(pair[1]):
        if pair[0] >= 1 and 0 < pair[1] <= 1:
            return pair
    raise WrongKind(
        "Expected is dominance as (n, k), such as (2, 0.85): the n largest contributors hold at most the share k of a "
        f"sum; this is {pair!r:.40}."
    )
