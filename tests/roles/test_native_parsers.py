"""No role hands bytes of the server to a native parser in its own process, where hostile ones could end it."""

import pytest
import tenseal as ts

from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import ReviewNotClean
from he_helpers.tables import EncryptedAggregate
from tests.sealing import open_fields, seal_fields

pytestmark = pytest.mark.slow

ASKED = {"statistic": "sum", "group_by": ["region"], "columns": ["Revenue", "Loans"], "purpose": "Annual report"}
# A vector of TenSEAL that announces its size and brings no ciphertext.
FORGED = b"\n\x02\x80\x20"


class Traffic:
    """What TenSEAL was given to read, and what the server answered where it answered with bytes."""

    def __init__(self):
        self.parsed = []
        self.answered = []

    def parsed_of_the_server(self, own):
        """Those that TenSEAL was given out of the server's answers, and that are not in the ``own`` copy as well."""
        return [data for data in self.parsed if data not in own and any(data in answer for answer in self.answered)]


@pytest.fixture
def traffic(monkeypatch):
    seen = Traffic()

    def watch(owner, name, note):
        inner = getattr(owner, name)

        def watched(*arguments, **options):
            return note(inner, *arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    def parsed(inner, *arguments, **options):
        seen.parsed += [argument for argument in arguments if isinstance(argument, bytes)]
        return inner(*arguments, **options)

    def answered(inner, *arguments, **options):
        seen.answered.append(inner(*arguments, **options))
        return seen.answered[-1]

    for name in ("bfv_vector_from", "ckks_vector_from", "context_from"):
        watch(ts, name, parsed)
    watch(Connection, "get_bytes", answered)
    return seen


def test_review_approval_release_and_result_parse_nothing_of_the_server(ada, ana, dataset, traffic):
    request = ana.ask(dataset, **ASKED)
    assert traffic.parsed == []
    ada.review(request)
    ada.approve(request)
    released = ada.release(request)
    own = ada.uploaded(dataset).to_bytes()
    # The own copy was parsed, and the server did answer with ciphertexts.
    assert traffic.parsed and traffic.answered
    assert traffic.parsed_of_the_server(own) == []

    before = len(traffic.parsed)
    assert ana.result(request).equals(released)
    assert len(traffic.parsed) == before

    # The control: reading the server's aggregate is noticed.
    EncryptedAggregate.from_bytes(traffic.answered[0])
    assert traffic.parsed_of_the_server(own)


def test_what_is_forged_is_not_parsed_either(ada, ana, dataset, traffic, monkeypatch):
    """An aggregate that would end the process of TenSEAL: a vector without its ciphertext."""
    request = ana.ask(dataset, **ASKED)
    honest = Connection.get_bytes

    def forge(connection, *path):
        fields = open_fields(honest(connection, *path), "aggregate")
        first_sum = fields[-1][0]
        first_sum[7] = FORGED
        key = open_fields(fields[0], "public key")
        fields[0] = seal_fields("public key", [*key[:4], FORGED])
        return seal_fields("aggregate", fields)

    monkeypatch.setattr(Connection, "get_bytes", forge)
    review = ada.review(request)
    assert not review.aggregate_matches
    assert FORGED not in traffic.parsed
    with pytest.raises(ReviewNotClean):
        ada.approve(request)
