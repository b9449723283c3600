"""Advice: each scheme's cheapest parameter set for a job, the reason for each number, and why other ways do not fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from he_helpers.advice.fitting import Fit, fits_of
from he_helpers.advice.job import Job
from he_helpers.errors import HEError
from he_helpers.parameters.sets import CKKSParameters, PaillierParameters
from he_helpers.schemes.catalogue import SCHEMES

_LEVELS = (192, 128)
_OTHER_SCHEME = "the job names"


class ImpossibleJob(HEError, ValueError):
    """No parameter set does the job.

    ``changes`` holds jobs that differ from it in one thing (or, where no single change helps, in several) and for which
    there is advice.
    """

    def __init__(self, message: str, changes: tuple[Job, ...]) -> None:
        super().__init__(message)
        self.changes = changes


@dataclass(frozen=True)
class Advice:
    """``fits``: parameter sets that do the job, the least work first; ``others``: why the other ways do not."""

    job: Job
    fits: tuple[Fit, ...]
    others: tuple[str, ...]

    @property
    def best(self) -> Fit:
        return self.fits[0]

    def relative_cost(self, fit: Fit) -> float:
        """The estimated work of ``fit`` compared with the least."""
        return fit.cost / self.best.cost

    def __str__(self) -> str:
        lines = []
        for fit in self.fits:
            lines += [
                f"{fit.scheme}, {fit.arrangement.words}",
                f"  {_parameter_words(fit)}",
                f"  {fit.upload_bytes:,} bytes to send, {fit.key_bytes:,} of keys, {fit.result_bytes:,} of results; "
                f"work {self.relative_cost(fit):.2g}",
                *(f"  EncryptedTable.encrypt: {table.words}" for table in fit.arrangement.tables),
                *(f"  {name}: {reason}" for name, reason in fit.reasons.items()),
            ]
        return "\n".join([*lines, *(f"not {other}" for other in self.others)])


def advise(job: Job) -> Advice:
    """The parameter sets that do ``job``, or ImpossibleJob, which says what would have to change."""
    if "comparisons" in job.operations:
        rest = tuple(name for name in job.operations if name != "comparisons")
        possible = bool(rest or job.product_depth)
        changes = tuple(c for c in (replace(job, operations=rest),) if _suits(c)) if possible else ()
        raise ImpossibleJob(
            "Comparisons: BFV, CKKS and Paillier add and multiply, and none of them compares encrypted values. Leave "
            "comparisons out of the operations: whoever decrypts compares afterwards, or the data's owner encrypts the "
            "outcome as 0 or 1, and the ones are summed.",
            changes,
        )
    fits, others = _survey(job)
    if not fits:
        raise _impossible(job, others)
    return Advice(job, tuple(sorted(fits, key=lambda fit: fit.cost)), tuple(others))


def _survey(job: Job) -> tuple[list[Fit], list[str]]:
    fits: list[Fit] = []
    reasons: dict[str, list[str]] = {}
    for scheme in SCHEMES if job.scheme is None else (job.scheme,):
        for found in fits_of(job, scheme):
            if isinstance(found, Fit):
                fits.append(found)
            else:
                reasons.setdefault(found, []).append(scheme)
    others = [f"{' and '.join(schemes)}, {reason}." for reason, schemes in reasons.items()]
    if job.scheme is not None:
        unnamed = ", ".join(scheme for scheme in SCHEMES if scheme != job.scheme)
        others.append(f"{unnamed}: {_OTHER_SCHEME} {job.scheme}.")
    return fits, others


def _suits(job: Job) -> bool:
    schemes = SCHEMES if job.scheme is None else (job.scheme,)
    return any(isinstance(found, Fit) for scheme in schemes for found in fits_of(job, scheme))


def _impossible(job: Job, others: list[str]) -> ImpossibleJob:
    """Each thing that could change is tried from its smallest change on."""
    changes, words = [], []
    for options in _relaxations(job):
        for changed, what in options:
            if _suits(changed):
                changes.append(changed)
                words.append(what)
                break
    if not changes:
        together, done = job, []
        for options in _relaxations(job):
            # The last option of each is the largest change.
            *_, (largest_change, what) = options
            together = replace(together, **_difference(job, largest_change))
            done.append(what)
            if _suits(together):
                changes, words = [together], [" and ".join(done)]
                break
    why = " ".join(f"Not {other}" for other in others if _OTHER_SCHEME not in other)
    remedy = "One of these would make it possible: " + "; ".join(words) if words else "No change here makes it possible"
    return ImpossibleJob(f"No parameter set does this job. {why} {remedy}.", tuple(changes))


def _relaxations(job: Job) -> list[list[tuple[Job, str]]]:
    """What could change, each as a list of (job, words) from the smallest change to the largest."""
    choices: list[Iterator[tuple[Job, str]]] = [
        ((replace(job, scheme=None), "another scheme (scheme=None)") for _ in range(job.scheme is not None)),
        (
            (replace(job, precision=p), f"a precision of {p:.0e} instead of {job.largest_error:.0e}")
            for p in _coarser(job)
        ),
        (
            (replace(job, decimals=d), f"{d} decimals instead of {job.decimals}")
            for d in range(job.decimals - 1, -1, -1)
        ),
        (
            (replace(job, weight_decimals=d), f"weights with {d} decimals instead of {job.weight_decimals}")
            for d in range(job.weight_decimals - 1, -1, -1)
        ),
        (
            (replace(job, product_depth=d), f"products to a depth of {d} instead of {job.product_depth}")
            for d in range(job.product_depth - 1, -1 if job.operations else 0, -1)
        ),
        (
            (replace(job, security=level), f"{level}-bit security instead of {job.security}")
            for level in _LEVELS
            if level < job.security
        ),
        ((replace(job, quantum=False), "classical security instead of quantum") for _ in range(job.quantum)),
        (
            (replace(job, rows=rows), f"at most {rows:,} rows at a time instead of {job.rows:,}")
            for rows in (10**k for k in range(9, -1, -1))
            if rows < job.rows and not job.groups
        ),
        (
            (
                replace(job, largest=float(f"{job.largest / 10**k:.12g}")),
                f"values up to {job.largest / 10**k:,.4g} instead of {job.largest:,.4g} (a larger unit)",
            )
            for k in range(1, 19)
            if job.largest / 10**k > 0
        ),
    ]
    return [options for options in map(list, choices) if options]


def _coarser(job: Job) -> Iterator[float]:
    if job.largest_error == 0:
        yield 0.5 * 10.0**-job.decimals
    for k in range(1, 19):
        yield float(f"{max(job.largest_error, 0.5 * 10.0**-job.decimals) * 10**k:.1g}")


def _difference(job: Job, changed: Job) -> dict:
    return {name: value for name, value in vars(changed).items() if value != getattr(job, name)}


def _parameter_words(fit: Fit) -> str:
    p = fit.parameters
    if isinstance(p, PaillierParameters):
        return f"key length {p.modulus_bits} bits, lanes of {p.lane_bits} bits"
    chain = f"ring dimension {p.ring_dimension}, moduli chain {list(p.coefficient_modulus_bits)}"
    if isinstance(p, CKKSParameters):
        return f"{chain}, scale 2^{p.scale_bits}"
    return f"{chain}, plaintext modulus {p.plaintext_modulus}"
