"""What a server lists is shown, or refused with one clear error, whatever stands in the members of its entries."""

import pytest

from he_helpers.roles.errors import UnreadableAnswer
from he_helpers.roles.views import audit_view, dataset_view, request_view

DATASET = {
    "name": "accounts",
    "owner": "ada",
    "rows": 12,
    "labels": {"region": 3},
    "columns": [{"name": "Revenue"}],
    "layout": "aligned",
    "scheme": "tenseal-bfv",
    "minimum_group_size": 3,
    "contributor_label": None,
}
REQUEST = {
    "id": "1",
    "dataset": "accounts",
    "analyst": "ana",
    "query": {"statistic": "sum", "group_by": ["region"], "columns": ["Revenue"]},
    "purpose": "Annual report",
    "recipient_key_fingerprint": "ab" * 16,
    "status": "requested",
    "reason": "",
}
EVENT = {
    "sequence": 1,
    "at": "2024-01-01T00:00:00.000+00:00",
    "account": "ana",
    "role": "analyst",
    "action": "requested",
    "dataset": "accounts",
    "request": "1",
    "detail": "",
}
VIEWS = {
    "datasets": (DATASET, dataset_view),
    "requests": (REQUEST, lambda listed: request_view(listed, str)),
    "audit": (EVENT, lambda listed: audit_view(listed, times=True, details=True)),
}
OTHERS = [None, True, 7, 1.5, "\x1b[2J\u202e", [], ["\x1b[2J"], {}, {"a": "\x1b[2J"}, [{}], [None]]


@pytest.mark.parametrize(("entry", "view"), VIEWS.values(), ids=VIEWS)
def test_any_value_is_shown_in_one_line_or_refused(entry, view):
    assert len(view([entry, entry])) == 2
    shown = 0
    for member in entry:
        for value in OTHERS:
            try:
                frame = view([entry, {**entry, member: value}])
            except UnreadableAnswer:
                continue
            shown += 1
            assert "\x1b" not in frame.to_csv() and "\u202e" not in frame.to_csv(), (member, value)
    assert shown > len(entry)
