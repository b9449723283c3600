"""An outsider's audit of a bundle: compute each aggregate again and compare bytes, and follow the trail. No key.

What is compared with what: the trail says which bytes the table had, which question was asked, and which bytes the
aggregate had; the witnesses' heads say that this is the trail that they saw; and aggregation is a pure function, so
that table and question give the same bytes everywhere. A bundle is anybody's bytes: its tables are read in quarantine,
and no ciphertext of it is parsed in this process. What nobody can tell without a key: whether the table holds the
right numbers, and whether what was released is what the aggregate decrypts to. What nobody can tell who may not read
the whole trail: whether events that the bundle leaves closed are about this dataset, too. Who writes the bundle chooses
which are open, so that a whole request can be missing: the analyst who asked can tell, and nobody else can. Nor can it
be told whether the bundle leaves out later heads of a witness, and tells anew what came after the last one that is
there: the witness can say.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from he_helpers.audit.bundle import Bundle
from he_helpers.audit.chain import Entry, digests, inspect_entries
from he_helpers.audit.heads import check_heads, key_fingerprint
from he_helpers.errors import HEError
from he_helpers.quarantine import compute_aggregate, read_table
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.records import open_message
from he_helpers.tables import Query
from he_helpers.tables.aggregation import AggregateRecord
from he_helpers.text import printable_line

_SHA256 = re.compile(r"SHA-256 ([0-9a-f]{64})")
_QUERY = re.compile(r"query (\{.*\})")
# What tells which table a dataset has from then on.
_TABLES = {"dataset stored", "dataset moved to a new key"}


@dataclass(frozen=True)
class Report:
    """What an audit found: ``lines`` say what was checked, by its name; ``findings`` what is wrong, one line each."""

    dataset: str
    lines: Mapping[str, str]
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        said = [f"  {name + ':':<12}{line}" for name, line in self.lines.items()]
        found = ["findings: none"] if self.clean else ["findings:", *(f"  {finding}" for finding in self.findings)]
        return "\n".join([f"Audit of the dataset {self.dataset!r}, without a key", *said, *found])


@dataclass
class Asked:
    """What the trail tells of a request: its query, the table and the bytes of its aggregate, as SHA-256."""

    query: Any = None
    table: str | None = None
    aggregate: str | None = None
    event: int = 0


@dataclass
class Story:
    """What the trail tells of a dataset: its present table, and the requests on it."""

    table: str | None = None
    event: int = 0
    requests: dict[str, Asked] = field(default_factory=dict)


def audit_bundle(bundle: Bundle, keys: Mapping[str, bytes] | None = None) -> Report:
    """Check everything that can be checked without a key.

    keys: the verify keys of witnesses by their names, as they were handed over to whoever audits, each of which must
    have signed a head; None: those in the bundle, which are the word of whoever wrote it.
    """
    findings: list[str] = []
    lines: dict[str, str] = {}
    _check_trail(bundle, keys, lines, findings)
    told = story_of(bundle.trail, bundle.dataset)
    readable = _check_tables(bundle, told, lines, findings)
    _check_requests(bundle, told, readable, lines, findings)
    # Names in the bundle are anybody's text: none may pass for a line of the report.
    shown = {name: printable_line(line) for name, line in lines.items()}
    return Report(printable_line(bundle.dataset), shown, tuple(map(printable_line, findings)))


def _check_trail(bundle: Bundle, keys: Mapping[str, bytes] | None, lines: dict[str, str], findings: list[str]) -> None:
    found = inspect_entries(bundle.trail)
    trail = digests(entry.leaf for entry in bundle.trail)
    known = bundle.verify_keys if keys is None else keys
    checked = check_heads(bundle.heads, trail, known, [finding.event for finding in found])
    findings += [f"trail, {finding}" for finding in (*found, *checked.findings)]
    if keys is not None:
        # Who passes a key says that its holder has seen the trail: a trail that was made anew has no such head.
        heads_of = {head.witness for head in bundle.heads}
        silent = [name for name, key in keys.items() if key_fingerprint("verify key", key) not in heads_of]
        findings += [f"trail: no head of {name}, whose key was given, is in the bundle" for name in silent]
    events = len(bundle.trail)
    readable = sum(entry.event is not None for entry in bundle.trail)
    lines["trail"] = f"{events} events, {readable} of them about this dataset and readable"
    signed = [f"{name} (key {key_fingerprint('verify key', known[name])[:8]}) {n}" for name, n in checked.names.items()]
    lines["heads"] = f"signed events: {', '.join(signed)}" if signed else "no known witness has signed this trail"
    if keys is None and signed:
        lines["their keys"] = "by the word of whoever wrote the bundle: compare them, or pass --verify-key"
    earlier = [name for name, length in checked.names.items() if length < events]
    if keys is not None and earlier:
        lines["ask"] = f"{', '.join(earlier)}, whether there are later heads: a bundle can leave them out"
    longest = max(checked.names.values(), default=0)
    if longest < events:
        lines["not signed"] = f"{events - longest} of the events, from event {longest + 1} on"


def story_of(trail: Iterable[Entry], dataset: str) -> Story:
    """What the readable events of ``trail`` tell of ``dataset``, as far as it was not deleted afterwards."""
    told = Story()
    for entry in trail:
        event = entry.event
        if event is None or event.get("dataset") != dataset:
            continue
        action, detail = str(event.get("action")), str(event.get("detail"))
        sha256 = _SHA256.search(detail)
        asked = told.requests.setdefault(str(event["request"]), Asked()) if event.get("request") else Asked()
        if action in _TABLES and sha256:
            told.table, told.event = sha256[1], entry.number
        elif action == "dataset deleted":
            told = Story()
        elif action == "aggregate dropped":
            asked.table = asked.aggregate = None
        elif action == "requested" and (query := _QUERY.search(detail)):
            asked.query = _json(query[1])
        elif action == "aggregated" and sha256:
            asked.table, asked.aggregate, asked.event = told.table, sha256[1], entry.number
    return told


def _check_tables(bundle: Bundle, told: Story, lines: dict[str, str], findings: list[str]) -> set[str]:
    """The digests of the tables that are what they say and can be added up."""
    readable = set()
    for digest, content in bundle.tables.items():
        name = f"table {digest[:8]}"
        if hashlib.sha256(content).hexdigest() != digest:
            findings.append(f"{name}: its bytes are not those of this SHA-256")
            continue
        try:
            read_table(content)
            readable.add(digest)
        except DamagedBytes as error:
            findings.append(f"{name}: cannot be read: {error}")
    if told.table is None:
        findings.append("trail: no event tells which table this dataset has")
    elif told.table not in bundle.tables:
        findings.append(f"table {told.table[:8]}: is not in the bundle, and event {told.event} tells of it")
    else:
        size = len(bundle.tables[told.table])
        lines["table"] = f"{size:,} bytes, SHA-256 {told.table[:8]}..., as event {told.event} says"
    return readable


def _check_requests(
    bundle: Bundle, told: Story, readable: set[str], lines: dict[str, str], findings: list[str]
) -> None:
    equal = 0
    for request, asked in told.requests.items():
        if asked.aggregate is None:
            continue
        found = _check_aggregate(bundle, request, asked, readable)
        findings += [f"request {request[:8]}: {what}" for what in found]
        equal += not found
    for request in sorted({*bundle.aggregates, *bundle.requests} - set(told.requests)):
        findings.append(f"request {request[:8]}: no event of the trail tells of it")
    computed = sum(asked.aggregate is not None for asked in told.requests.values())
    lines["aggregates"] = f"{computed} in the trail, {equal} computed again with equal bytes"


def _check_aggregate(bundle: Bundle, request: str, asked: Asked, readable: set[str]) -> list[str]:
    content = bundle.aggregates.get(request)
    if content is None:
        return [f"its aggregate is not in the bundle, and event {asked.event} tells of one"]
    found = []
    if hashlib.sha256(content).hexdigest() != asked.aggregate:
        found.append(f"its aggregate is not the one of event {asked.event}")
    if bundle.requests.get(request) != asked.query:
        found.append("its question is not the one in the trail")
    if asked.table not in readable:
        return [*found, f"the table that it was computed on, {(asked.table or 'unknown')[:8]}, is not there"]
    try:
        computed = compute_aggregate(bundle.tables[asked.table], Query.from_dict(asked.query))
    except (HEError, ValueError, KeyError, TypeError) as error:
        return [*found, f"cannot be computed again: {error}"]
    if computed != content:
        found.append(f"its aggregate is not the one of table and question: {_difference(computed, content)}")
    return found


def _difference(computed: bytes, content: bytes) -> str:
    """Where two aggregates differ; nothing of the second one reaches a library's parser."""
    try:
        ours, theirs = (open_message(data, AggregateRecord) for data in (computed, content))
    except HEError:
        return "it cannot be read"
    pairs = zip(ours.ciphertexts, theirs.ciphertexts, strict=False)
    lying = [str(number) for number, (our, their) in enumerate(pairs, start=1) if our != their]
    count = len(ours.ciphertexts)
    if len(theirs.ciphertexts) != count:
        return f"it has {len(theirs.ciphertexts)} ciphertexts for {count}"
    return f"ciphertext {', '.join(lying)} of {count} lies" if lying else "what can be read of it differs"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
