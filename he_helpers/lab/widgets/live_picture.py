"""A picture with its table below buttons and fields, which renew it."""

from __future__ import annotations

from he_helpers.lab.figures import Picture
from he_helpers.lab.figures.style import image
from he_helpers.lab.widgets.panel import Panel

_MOST_ROWS = 16


class LivePicture(Panel):
    """The frame of a picture, its buttons and fields. ``show`` puts another picture into it."""

    picture: Picture

    def show(self, picture: Picture, said: str, wrong: bool = False, stored: str | None = None) -> None:
        """Show the picture, and say in a sentence what it means.

        wrong: whether this is something to notice. stored: the sentence to store, where the other one differs from run
        to run.
        """
        self.picture = picture
        self.put(as_html(picture), picture.alt, said, wrong=wrong, stored=stored)


def as_html(picture: Picture) -> str:
    """The drawing, and its table below."""
    drawn = image(picture.figure, picture.alt)["text/html"]
    return f"<div>{drawn}</div>{picture.table.to_html(border=0, max_rows=_MOST_ROWS)}"
