"""The health screening as a form of ipywidgets: fields with their messages, a button, a gauge, what travelled.

The form looks the same in JupyterLab and on the page of `make app`. A notebook's stored output, where no kernel
answers, shows it as a static table instead.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

import ipywidgets as widgets

from he_helpers.lab.screening.invalid_fields import form_of
from he_helpers.lab.screening.screening import NO_ADVICE, SCREENING_CUT_POINT, Model, Question, Reading, ScoringFailed

# Both themes of JupyterLab define the variables; the second value is for pages that do not. The colours are those of
# Okabe and Ito (2008); length and text say the same as the colour.
_TEXT = "var(--jp-ui-font-color1, #111111)"
_ERROR = "var(--jp-error-color1, #b3261e)"
_BAR, _MARK = "#0072B2", "#E69F00"
# JupyterLab takes borders out of stored HTML, and keeps a background: it shows how long the bar could be.
_REST = "#C8C8C8"
# What a field holds before an answer. Not None, for which a drop-down shows a blank in place of its first line.
_NOTHING = ""
# On a narrow page a message moves below its field; the unit stays beside it, and the field becomes narrower.
_ROW = widgets.Layout(flex_flow="row wrap", max_width="100%")
_ANSWER = widgets.Layout(width="472px", max_width="100%")
_UNIT = widgets.Layout(width="60px", flex="none")


def gauge(chance: float) -> str:
    """A bar from 0 to 100 % as HTML, with a mark at the cut point of Abdul-Ghani and others (2011).

    chance: from 0 to 1. Raises ValueError outside of that.
    """
    if not 0 <= chance <= 1:
        raise ValueError(f"A chance lies between 0 and 1; this is {chance}.")
    said = f"Chance of type 2 diabetes within 7.5 years: {chance:.1%}".replace("%", " %")
    mark = f"mark at {SCREENING_CUT_POINT:.1%}, above which a study would examine further".replace("%", " %")
    bar = f"background-color: {_BAR}; width: {100 * chance:.1f}%; height: 18px"
    line = f"background-color: {_MARK}; width: 4px; height: 8px; margin-left: {100 * SCREENING_CUT_POINT:.1f}%"
    return (
        f'<div style="color: {_TEXT}; max-width: 560px"><p style="margin: 4px 0"><b>{said}</b></p>'
        f'<div role="img" aria-label="{said}; {mark}" style="background-color: {_REST}">'
        f'<div style="{bar}"></div></div><div style="{line}"></div>'
        f'<p style="margin: 2px 0">Bar: 0 to 100 %; {mark}.</p></div>'
    )


def reading_as_html(reading: Reading) -> str:
    """The gauge, the score behind it, and what travelled: sizes and a few bytes, never a value."""
    sample = reading.sample.hex(" ")
    return (
        # Read out by a screen reader when it appears.
        f'<div role="status">{gauge(reading.chance)}'
        f'<p style="color: {_TEXT}; margin: 4px 0">Score (linear predictor): {reading.score}. {NO_ADVICE}</p>'
        f'<p style="color: {_TEXT}; margin: 4px 0">Sent: a public key and {reading.ciphertexts} ciphertexts, '
        f"{reading.sent:,} bytes, ending like <code>{sample}</code>. "
        f"Received: 1 ciphertext, {reading.received:,} bytes. Your values stayed here.</p></div>"
    )


class ScreeningForm:
    """A field for each question of `model`, each with a place for its message, and a button.

    ask: gets the fixed-point integers by name once all answers are acceptable, and returns a Reading; it may raise
    ScoringFailed. It is not called before. What it returned last is `reading`, None before and after a change.
    """

    def __init__(self, model: Model, ask: Callable[[Mapping[str, int]], Reading]) -> None:
        self._model, self._ask = model, ask
        self.reading: Reading | None = None
        self._shown: dict[str, str] = {}
        self.fields = {question.name: _field(question) for question in model.questions}
        self.messages = {name: widgets.HTML(layout=widgets.Layout(max_width="100%")) for name in self.fields}
        self.button = widgets.Button(description="Encrypt and send", button_style="primary")
        self.clear_button = widgets.Button(description="Clear")
        self.outcome = widgets.HTML()
        for field in self.fields.values():
            field.observe(self._forget_reading, names="value")
        self.button.on_click(lambda _: self.submit())
        self.clear_button.on_click(lambda _: self.clear())
        rows = [widgets.HBox([self._answer(name), self.messages[name]], layout=_ROW) for name in self.fields]
        self.box = form_of(rows, widgets.HBox([self.button, self.clear_button]), self.outcome)

    def fill(self, answers: Mapping[str, str | int]) -> None:
        """Types `answers` in, by the question's name: text, or the number of a choice (None: not chosen)."""
        for name, answer in answers.items():
            self.fields[name].value = _NOTHING if answer is None else answer

    def submit(self) -> None:
        """What the button does: shows messages, or asks and shows the reading. Sends nothing while one is shown."""
        self._forget_reading()
        answers = {
            name: None if self._is_choice(name) and field.value == _NOTHING else str(field.value)
            for name, field in self.fields.items()
        }
        values, messages = self._model.check(answers)
        self._show(messages)
        if messages:
            count = f"{len(messages)} of {len(self.fields)}"
            self.outcome.value = _message(f"Nothing was sent. Answers that need a change: {count}.")
            return
        self.button.disabled = True
        self.outcome.value = f'<p style="color: {_TEXT}">Encrypting, and waiting for the research server.</p>'
        try:
            self.reading = self._ask(values)
            self.outcome.value = reading_as_html(self.reading)
        except ScoringFailed as error:
            self.outcome.value = _message(str(error))
        finally:
            self.button.disabled = False

    def clear(self) -> None:
        """Takes answers, messages and the reading away."""
        for field in self.fields.values():
            field.value = _NOTHING
        self._show({})
        self._forget_reading()

    def shown_messages(self) -> dict[str, str]:
        """The text beside each field that has a message."""
        return dict(self._shown)

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        labels = ", ".join(question.wording.label for question in self._model.questions)
        bundle = dict(self.box._repr_mimebundle_())
        bundle["text/plain"] = f"Form with the fields: {labels}"
        bundle["text/html"] = self._as_table()
        return bundle

    def _as_table(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(question.wording.label)}</td><td>{html.escape(_unit(question))}</td></tr>"
            for question in self._model.questions
        )
        return (
            f"<table><tr><th>field</th><th>unit or choice</th></tr>{rows}</table>"
            "<p>The form itself appears when this cell is run.</p>"
        )

    def _answer(self, name: str) -> widgets.HBox:
        """The field of this name with its unit, where it has one."""
        unit = next(question.unit for question in self._model.questions if question.name == name)
        beside = [] if self._is_choice(name) else [widgets.Label(unit, layout=_UNIT)]
        return widgets.HBox([self.fields[name], *beside], layout=_ANSWER)

    def _show(self, messages: Mapping[str, str]) -> None:
        self._shown = dict(messages)
        for name, place in self.messages.items():
            place.value = _message(messages[name]) if name in messages else ""

    def _is_choice(self, name: str) -> bool:
        return isinstance(self.fields[name], widgets.Dropdown)

    def _forget_reading(self, _: object = None) -> None:
        self.reading = None
        self.outcome.value = ""


def _field(question: Question) -> widgets.Text | widgets.Dropdown:
    shape = {"style": {"description_width": "220px"}, "layout": widgets.Layout(width="400px", min_width="0")}
    label = question.wording.label
    if question.wording.choices:
        return widgets.Dropdown(description=label, options=[("choose", _NOTHING), *question.wording.choices], **shape)
    return widgets.Text(description=label, **shape)


def _unit(question: Question) -> str:
    return " / ".join(word for word, _ in question.wording.choices) or question.unit


def _message(text: str) -> str:
    return f'<span role="alert" style="color: {_ERROR}; overflow-wrap: anywhere">{html.escape(text)}</span>'
