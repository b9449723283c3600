"""Buttons and fields above what they change: a sentence that says what it means, and the rest below it.

What is stored of it, and seen where no kernel answers (a notebook that was opened and not run, an HTML export), is the
sentence and the rest as they were when the cell ran, without the buttons and fields. That is compared; the controls
have random names and are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

# Drawings and tables become narrower with the page. Colours are those of the page, light or dark. What pandas writes
# beside each table of a notebook holds for the whole page: two classes and three elements, which the rules overrule.
_STYLE = """<style>
.he-live { line-height: 1.4; max-width: 100%; overflow-x: auto; color: var(--jp-ui-font-color1, #111111); }
.he-live img { max-width: 100%; height: auto; }
.he-live table { border-collapse: collapse; }
.he-live.he-live table.dataframe tr :is(th, td) {
  padding: 2px 8px; text-align: right; vertical-align: top; border: none;
}
.he-live th { font-weight: bold; }
.he-live.he-live table.he-words tr :is(th, td) { text-align: left; overflow-wrap: anywhere; }
/* The names of what stands beside or below them; the number of a row needs no room. */
.he-live table.he-words thead th + th, .he-live table.he-words tbody:first-child th { min-width: 6em; }
/* A long entry does not widen the list beyond the page. */
.he-live-panel .widget-select, .he-live-panel .widget-select select { min-width: 0; }
</style>"""


class Panel:
    """The frame of buttons, fields and what they change. ``put`` changes it; ``said`` is the sentence."""

    def __init__(self, controls: Sequence[widgets.Widget], what_they_do: str) -> None:
        self.said = ""
        self._what_they_do = what_they_do
        self._content = widgets.HTML(layout=widgets.Layout(max_width="100%"))
        self._words = widgets.HTML(layout=widgets.Layout(max_width="100%"))
        self._panel = widgets.VBox(
            [row_of(controls), self._words, self._content], layout=widgets.Layout(max_width="100%")
        )
        self._panel.add_class("he-live-panel")

    def put(self, content: str, text: str, said: str, *, wrong: bool = False, stored: str | None = None) -> None:
        """Show ``content``, which is HTML, and say in a sentence what it means; ``text`` is the same in plain text.

        wrong: whether this is something to notice. stored: the sentence to store, where the other one differs from run
        to run.
        """
        self._html, self._text = content, text
        self._content.value = f'{_STYLE}<div class="he-live">{content}</div>'
        self.say(said, wrong=wrong, stored=stored)

    def say(self, said: str, *, wrong: bool = False, stored: str | None = None) -> None:
        """Change the sentence alone."""
        self.said = said
        self._stored = said if stored is None else stored
        # Read out by a screen reader when it appears; a drawing that changes is not.
        colour = "var(--jp-error-color1, #b3261e)" if wrong else "var(--jp-ui-font-color1, #111111)"
        style = f"color: {colour}; line-height: 1.4; margin: 4px 0; overflow-wrap: anywhere"
        self._words.value = f'<p role="status" style="{style}">{"⚠ " if wrong else ""}{escape(said)}</p>'

    def as_stored(self) -> dict[str, str]:
        """The sentence and what stands below it, as HTML and as text."""
        note = f"<p>{escape(self._stored)}</p>"
        after = f"<p>{escape(self._what_they_do)} These appear when the cell is run.</p>"
        return {
            "text/html": f"{note}{self._html}{after}",
            "text/plain": f"{self._stored}\n{self._text}",
        }

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return {**self._panel._repr_mimebundle_(**options), **self.as_stored()}


def row_of(controls: Sequence[widgets.Widget]) -> widgets.Box:
    """Beside each other, and below where the page is too narrow."""
    return widgets.Box(list(controls), layout=widgets.Layout(flex_flow="row wrap", max_width="100%"))


def button(words: str, press: Any) -> widgets.Button:
    """A button as wide as its words; press: is called without arguments."""
    made = widgets.Button(description=words, layout=widgets.Layout(width="auto", flex="0 0 auto"))
    made.on_click(lambda _: press())
    return made


def whole_number(words: str, low: int, high: int, value: int) -> widgets.BoundedIntText:
    return widgets.BoundedIntText(description=words, min=low, max=high, value=value, **_looks(words, f"{high:,}"))


def choice(words: str, options: Sequence[str], value: str) -> widgets.Dropdown:
    return widgets.Dropdown(description=words, options=options, value=value, **_looks(words, max(options, key=len)))


def _looks(words: str, longest: str) -> dict[str, Any]:
    """Room for the field's name and its longest content, at about 0.6 of the height of a letter each."""
    wide = 0.6 * (len(words) + len(longest)) + 5
    return {
        "style": {"description_width": "initial"},
        "layout": {"width": f"{wide:.1f}em", "max_width": "100%", "margin": "2px 12px 2px 2px"},
    }
