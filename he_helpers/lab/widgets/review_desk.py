"""The desk of whoever decides on release requests: what waits, what each would reveal, approve or refuse.

What is shown of a request is the reviewer's own review; the list, the purpose and the trail of what happened are
the server's word, and said to be. Nothing is computed or decrypted for a request before Review is pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets
import pandas as pd

from he_helpers.errors import HEError
from he_helpers.lab.widgets.panel import Panel, button, row_of
from he_helpers.roles.views import question_in_words
from he_helpers.text import printable_line

if TYPE_CHECKING:
    from he_helpers.roles.approval.review import Review
    from he_helpers.roles.approval.reviewer import Reviewer

_MOST_ROWS = 16
_LIST_ROWS = 4
_NO_HEADING = ""
_FIELD = {"style": {"description_width": "initial"}}
_NOT_REVIEWED = "Press Review to see what it would reveal. Nothing is decrypted before."


class ReviewDesk(Panel):
    """The requests that wait for ``reviewer``; for the chosen one its review, and a decision with a reason.

    reviewer: a DataAdministrator or a Custodian. dataset: only requests on this one; None: on all of the reviewer's.

    Each field is an attribute, and setting its ``value`` in code changes it, too: ``requests`` (the value is the
    chosen request's id, None when nothing waits), ``reason``, ``for_another``: a tick that the result may go to
    somebody else than who asks, where the review says so. Each button is a method: ``review``, ``approve``,
    ``refuse``, ``look_again``. An approval takes a review that the desk shows. An administrator's releases nothing
    yet: that is ``administrator.release(request)``; a custodian's leaves a partial decryption, and the desk shows what
    the others have answered. What goes wrong at a button is said in words, and changes nothing.

    Raises what pending() raises.
    """

    def __init__(self, reviewer: Reviewer, dataset: str | None = None) -> None:
        self._reviewer = reviewer
        self._dataset = dataset
        self._reviewed: Review | None = None
        self._waiting = pd.DataFrame()
        self.requests = widgets.Select(
            description="requests that wait",
            rows=_LIST_ROWS,
            layout={"width": "100%", "max_width": "100%"},
            **_FIELD,
        )
        self.reason = widgets.Text(
            description="reason",
            # Sent whole when the field is left: a button that is pressed soon would overtake the last letters.
            continuous_update=False,
            layout={"width": "30em", "max_width": "100%", "margin": "2px 12px 2px 2px"},
            **_FIELD,
        )
        self.for_another = widgets.Checkbox(indent=False, layout={"width": "auto", "display": "none"})
        super().__init__(
            [
                self.requests,
                row_of([button("Review", self.review), button("Look again", self.look_again)]),
                self.for_another,
                row_of([self.reason, button("Approve", self.approve), button("Refuse", self.refuse)]),
            ],
            "Fields and buttons: the list of requests, Review, Look again, the reason, Approve, Refuse.",
        )
        self._list()
        self._show_list()
        self.requests.observe(self._chosen, names="value")

    def look_again(self) -> None:
        """Ask the server once more what waits."""
        self._do(self._look_again)

    def review(self) -> None:
        """Review the chosen request, and show what it would reveal."""
        self._do(self._review)

    def approve(self) -> None:
        """Approve the chosen request, of which the review is shown."""
        self._do(self._approve)

    def refuse(self) -> None:
        """Refuse the chosen request; a reason is needed, a review is not."""
        self._do(self._refuse)

    def _do(self, step: Callable[[], None]) -> None:
        """An error is said here: raised in a button it would be shown nowhere."""
        try:
            step()
        except (HEError, ValueError) as error:
            self.say(printable_line(str(error)), wrong=True)

    def _look_again(self) -> None:
        self._list()
        self._begin()

    def _review(self) -> None:
        request = self._choice()
        self._begin()
        self.say("The server adds up, and the sums are computed once more from your own copy …")
        review = self._reviewer.review(request)
        self._reviewed = review
        self.for_another.description = f"the result goes to {review.recipient}, and this is meant"
        self.for_another.layout.display = None if review.for_somebody_else else "none"
        self._fill([*_shown(review), *self._answers(request), self._trail(request)])
        if review.clean:
            self.say("The review found nothing that speaks against it. Read the purpose, then decide.")
        else:
            count = "a finding" if len(review.findings) == 1 else f"{len(review.findings)} findings"
            self.say(f"The review has {count}, so this cannot be approved.", wrong=True)

    def _approve(self) -> None:
        request = self._choice()
        if self._reviewed is None:
            raise ValueError("You have not seen what this request would reveal. Press Review first.")
        recipient = self._reviewed.recipient if self.for_another.value else None
        self.say("What was reviewed is compared once more with what the server holds now …")
        self._reviewer.approve(request, self.reason.value, recipient=recipient)
        self._decided(request, f"Approved: {{}}. {self._reviewer.after_approval}")

    def _refuse(self) -> None:
        request = self._choice()
        self._reviewer.refuse(request, self.reason.value)
        self._decided(request, "Refused: {}. The analyst can read the reason.")

    def _decided(self, request: str, words: str) -> None:
        question = _question(self._waiting.loc[request])
        self.reason.value = ""
        self._list()
        self._fill([self._in_list(), *self._answers(request), self._trail(request)])
        self.say(words.format(question))

    def _choice(self) -> str:
        if self.requests.value is None:
            raise ValueError("No request is chosen. Choose one from the list; Look again asks the server what waits.")
        return self.requests.value

    def _chosen(self, _: object) -> None:
        self._begin()

    def _begin(self) -> None:
        """Show the list and no review, so that nothing can be approved."""
        self._reviewed = None
        self.for_another.value = False
        self.for_another.layout.display = "none"
        self._show_list()

    def _list(self) -> None:
        waiting = self._reviewer.pending()
        if self._dataset is not None:
            waiting = waiting[waiting["dataset"] == printable_line(self._dataset)]
        self._waiting, chosen = waiting, self.requests.value
        # Numbered: two analysts may ask the same for the same purpose.
        rows = enumerate(waiting.itertuples(), start=1)
        self.requests.options = [
            (f"{number}. {_question(row)} · {row.dataset} · {row.analyst}: {row.purpose}", row.Index)
            for number, row in rows
        ]
        # Otherwise the first: what was decided before has taken its review and its reason away.
        self.requests.value = chosen if chosen in waiting.index else next(iter(waiting.index), None)
        self.requests.rows = max(_LIST_ROWS, min(len(waiting), 2 * _LIST_ROWS))

    def _show_list(self) -> None:
        self._fill([self._in_list()])
        count = len(self._waiting)
        if count:
            self.say(f"{count} {'request waits' if count == 1 else 'requests wait'}. {_NOT_REVIEWED}")
        else:
            self.say("No request waits for a decision.")

    def _in_list(self) -> tuple[str, pd.DataFrame]:
        rows = self._waiting
        questions = [_question(row) for row in rows.itertuples()]
        frame = pd.DataFrame(
            {
                "question": questions,
                "dataset": rows["dataset"].to_list(),
                "who asks": rows["analyst"].to_list(),
                "purpose": rows["purpose"].to_list(),
                "status": rows["status"].to_list(),
            },
            index=range(1, len(rows) + 1),
        )
        return "Requests that wait (the server's word)", frame

    def _answers(self, request: str) -> list[tuple[str, pd.DataFrame]]:
        answers = self._reviewer.answers(request)
        return [] if answers is None else [("What the custodians have answered (the server's word)", answers)]

    def _trail(self, request: str) -> tuple[str, pd.DataFrame]:
        events = self._reviewer.audit(request_id=request)
        shown = events[["account", "action", "reason"]].rename_axis(index=None)
        return "What happened to this request (the server's word)", shown

    def _fill(self, parts: Sequence[tuple[str, pd.DataFrame]]) -> None:
        """Show the tables, each below its heading."""
        with pd.option_context("display.max_colwidth", None, "display.width", None):
            content = [f"<p><strong>{escape(title)}</strong></p>{_as_html(frame)}" for title, frame in parts]
            text = [f"{title}\n{_as_text(frame)}" for title, frame in parts]
        self.put("".join(content), "\n\n".join(text), self.said)


def _question(row: object) -> str:
    """row: one of DataAdministrator.pending(), whose texts are printable lines already."""
    return question_in_words(row.statistic, row.columns, row.group_by)  # type: ignore[attr-defined]


def _shown(review: Review) -> list[tuple[str, pd.DataFrame]]:
    """What the review found, in words and by group."""
    words = review.in_words()
    if review.aggregate is not None:
        words["size"] = f"{len(review.aggregate.to_bytes()) / 1000:,.0f} kB, encrypted"
    parts = [("What it would reveal", pd.DataFrame({_NO_HEADING: words}))]
    if review.groups is not None:
        groups = review.groups.copy()
        groups["% of rows of the two largest"] = (100 * groups.pop("share_of_rows")).round(1)
        groups = groups.reset_index().set_axis(range(1, len(groups) + 1), axis="index")
        parts.append(("Who stands behind each group (from your own copy)", groups))
    return parts


def _as_html(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "<p>none</p>"
    return frame.to_html(border=0, max_rows=_MOST_ROWS, classes="he-words", header=_has_headings(frame))


def _as_text(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "none"
    return frame.to_string(max_rows=_MOST_ROWS, index_names=False, header=_has_headings(frame))


def _has_headings(frame: pd.DataFrame) -> bool:
    return frame.columns.to_list() != [_NO_HEADING]
