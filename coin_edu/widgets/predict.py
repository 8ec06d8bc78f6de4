"""A question to be answered before the answer is there."""

import html
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.errors import CoinError
from coin_edu.widgets.drawn import LAYOUT, png
from coin_edu.widgets.live import Live
from coin_edu.widgets.picture import Picture
from coin_edu.widgets.shown import Shown, ipywidgets, plain
from coin_edu.widgets.sketch import Sketch

Answer = str | float | Sequence[float]


class Predict(Shown):
    """A question to be answered first; only then something runs, shows, and explains.

    What was said is kept while the kernel runs, also when the cell is run again. Where nobody answers (in Run All, or
    with nobody there), the notebook goes on, and :meth:`result` has what later cells need: the prediction then counts
    as skipped, and stays open for whoever wants to answer it still.

    Parameters
    ----------
    question : str
        In HTML; formulas between dollar signs.
    choices : sequence of str, optional
        Two to four answers to choose from.
    unit : str, optional
        The answer is a number of this unit; "" for a plain number.
    within : float
        How far from the answer a number counts as right, in that unit.
    curve : Sketch, optional
        The answer is a curve, sketched by a few handles.
    answer : str, float, sequence of float, or callable
        What is right: one of the choices, a number, or the curve's heights at the handles. A callable is given what
        `then` returned (of a live fit: its ``result()``) and returns one of these. None for a matter of opinion.
    explain : str or callable
        What is said afterwards, in HTML; a callable is given the same.
    then : callable, optional
        Runs once somebody has answered, or a later cell needs its result, and never twice. What it returns is shown: a
        widget (whose fit then starts), a figure or axes, a picture (uint8), or text. Anything else is kept for
        :meth:`result` only.

    Attributes
    ----------
    said : str, float or list of float, or None
        The prediction; None while open or skipped.
    buttons : dict of ipywidgets.Button
        The choices, by name; for a number or a curve one alone, "this is my prediction".
    number : ipywidgets.FloatText
    curve : Sketch
    skip, again : ipywidgets.Button

    Examples
    --------
    >>> guess = Predict("How many bytes has a weight of 16 bits?", ["1", "2"], answer="2", then=lambda: 16 // 8)
    >>> guess.buttons["1"].click()
    >>> guess.said, guess.result()
    ('1', 2)
    """

    # What was said to each question, while this kernel runs.
    memory: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        question: str,
        choices: Sequence[str] | None = None,
        *,
        unit: str | None = None,
        within: float = 0.0,
        curve: Sketch | None = None,
        answer: Answer | Callable[[Any], Answer] | None = None,
        explain: str | Callable[[Any], str] = "",
        then: Callable[[], Any] | None = None,
    ):
        if sum(kind is not None for kind in (choices, unit, curve)) != 1:
            raise CoinError("Predict: give choices, or a unit for a number, or a curve; one of the three")
        if choices is not None and not 2 <= len(choices) <= 4:
            raise CoinError(f"Predict: two to four choices are needed, got {len(choices)}")
        if choices is not None and not callable(answer) and answer is not None and answer not in choices:
            raise CoinError(f"Predict: the answer {answer!r} is none of the choices {', '.join(choices)}")
        self.question, self.choices, self.unit, self.within, self.curve = question, choices, unit, within, curve
        self._answer, self._explain, self._then = answer, explain, then
        self._lock, self._has_run, self._value = threading.RLock(), False, None
        self.said: Any = None
        self.number = ipywidgets.FloatText(layout={"width": "120px"})
        labels = list(choices) if choices else ["this is my prediction"]
        width = "auto" if choices else "200px"
        self.buttons = {
            text: ipywidgets.Button(description=text, layout={"width": width, "min_width": "110px"}) for text in labels
        }
        self.skip = ipywidgets.Button(description="skip, show me", layout={"width": "130px"})
        self.again = ipywidgets.Button(description="predict again", layout={"width": "130px"})
        self.outcome = ipywidgets.HTMLMath()
        self._place = ipywidgets.VBox()
        asked = ipywidgets.HTMLMath(f"<b>Predict.</b> {question}", layout={"max_width": "900px"})
        entry = [self.number, ipywidgets.Label(unit)] if unit is not None else []
        row = ipywidgets.HBox([*entry, *self.buttons.values(), self.skip, self.again])
        row.layout.flex_flow = "row wrap"
        self._kept = Picture(layout={"display": "none"})  # the still for a notebook opened without its kernel
        super().__init__([asked, *([curve] if curve else []), row, self.outcome, self._place, self._kept])
        self._kept.owner = self.model_id or ""
        for text, button in self.buttons.items():
            self.on_click(button, lambda text=text: self._say(text))  # type: ignore[misc]
        self.on_click(self.skip, lambda: self._say(None))
        self.on_click(self.again, self._open)
        self._open(forget=False)

    def shown(self) -> None:
        """What was said before is there again, and what follows from it."""
        if self.question in Predict.memory:
            self._reveal(Predict.memory[self.question])

    def settle(self) -> None:
        """Run what would follow an answer, for the still; the question stays open."""
        result = self.result()
        if isinstance(result, Shown):
            result.settle()

    def result(self) -> Any:
        """What `then` returned; it runs now if it has not yet, and the prediction then counts as skipped."""
        with self._lock:
            if not self._has_run and self._then:
                self._value = self._then()
            self._has_run = True
        return self._value

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live view, and the still, which the notebook's file gets as well."""
        still = self.still()
        with self._kept.hold_sync():
            self._kept.html, self._kept.value = still["text/html"], still.get("image/png", b"")
        return super()._repr_mimebundle_(**kwargs)

    def _open(self, forget: bool = True) -> None:
        if forget:
            Predict.memory.pop(self.question, None)
        self.said, self.outcome.value, self._place.children = None, "", ()
        for button in (*self.buttons.values(), self.skip):
            button.disabled, button.button_style = False, ""
        self.again.layout.display = "none"
        if self.curve:
            self.curve.cover()

    def _say(self, text: str | None) -> None:
        said: Any = text
        if text is not None and self.unit is not None:
            said = float(self.number.value)
        elif text is not None and self.curve:
            said = list(self.curve.heights)
        Predict.memory[self.question] = said
        self._reveal(said)

    def _reveal(self, said: Any) -> None:
        """Show what was said, run, show what came of it, and explain."""
        self.said = said
        for text, button in self.buttons.items():
            button.disabled, button.button_style = True, "info" if text == said else ""
        self.skip.disabled, self.again.layout.display = True, ""
        if isinstance(said, float):
            self.number.value = said
        elif self.curve and said is not None:
            self.curve.heights = said
        self.outcome.value = f"{self._said_in_words()} ..."
        result = self.result()
        self._place.children = _views(result)
        if isinstance(result, Live) and not result.done:
            result.observe(lambda change: self.surface(self._conclude), "done")
            result.shown()
        else:
            if isinstance(result, Shown):
                result.shown()
            self._conclude()

    def _conclude(self) -> None:
        answer, text = self._answered()
        self.outcome.value = f"{self._said_in_words()}{self._verdict(answer)}<br>{text}"
        if self.curve and answer is not None:
            self.curve.uncover(answer)
        self.update_still()

    def _answered(self) -> tuple[Any, str]:
        """The answer and the explanation, for which a live fit is waited for."""
        needed = callable(self._answer) or callable(self._explain)
        result = self.result() if needed else None
        if needed and isinstance(result, Live):
            result = result.result()
        answer = self._answer(result) if callable(self._answer) else self._answer
        return answer, self._explain(result) if callable(self._explain) else self._explain

    def _in_words(self, value: Any) -> str:
        if isinstance(value, str):
            return f"<b>{html.escape(value)}</b>"
        return f"<b>{value:.4g}{' ' if self.unit else ''}{html.escape(self.unit or '')}</b>"

    def _said_in_words(self) -> str:
        if self.said is None:
            return "Skipped."
        return "You sketched the gray curve." if self.curve else f"You said {self._in_words(self.said)}."

    def _verdict(self, answer: Any) -> str:
        if answer is None:
            return ""
        if self.curve:
            if self.said is None:
                return " The black curve is what was measured."
            heights = self.curve.at_handles(answer)
            far = math.sqrt(np.mean((np.asarray(self.said) - heights) ** 2))
            return f" The black curve is what was measured: yours is {far:.3g} {self.curve.unit} away on average."
        was = f" It was {self._in_words(answer)}"
        if self.said is None:
            return f"{was}."
        if isinstance(answer, str):
            return f"{was}{', as you said' if answer == self.said else ''}."
        off = self.said - answer
        if abs(off) <= self.within:
            return f"{was}: right within {self.within:g}{' ' if self.unit else ''}{html.escape(self.unit or '')}."
        return f"{was}: {abs(off):.3g} less than you said." if off > 0 else f"{was}: {abs(off):.3g} more than you said."

    def still(self) -> dict[str, Any]:
        """The question, its choices, and the answer folded; the picture of what ran, if it has."""
        answer, text = ("", "")
        if self._has_run or not (callable(self._answer) or callable(self._explain)):
            given, text = self._answered()
            answer = "" if given is None or self.curve else f"It was {self._in_words(given)}. "
        listed = "".join(f"<li>{html.escape(choice)}</li>" for choice in self.choices or ())
        kind = f"a number{f' ({self.unit})' if self.unit else ''}" if self.unit is not None else "a curve to sketch"
        asked = f"<ul>{listed}</ul>" if listed else f"<p>Your answer: {kind}.</p>"
        folded = f"<details><summary>Answer, once you have yours</summary><p>{answer}{text}</p></details>"
        bundle: dict[str, Any] = {"text/html": f"<p><b>Predict.</b> {self.question}</p>{asked}"}
        if answer or text:
            bundle["text/html"] += folded
        if self._has_run and (drawn := _png(self._value)):
            bundle["image/png"] = drawn
        return bundle

    def alternative(self) -> str:
        """The question and what is written in the picture; of a widget that ran, what it says."""
        if isinstance(self._value, Shown):
            return self._value.alternative()
        return "; ".join([plain(self.question), *_words(self._value)])


def _png(value: Any) -> bytes | None:
    """The picture of what a callable returned, if it has one."""
    if isinstance(value, Shown):
        found: bytes | None = value.still().get("image/png")
        return found
    return png(value)


def _words(value: Any) -> list[str]:
    """Titles, axes, names and notes of a figure."""
    figure = value.figure if isinstance(value, Axes) else value
    if not isinstance(figure, Figure):
        return []
    found = []
    for ax in figure.axes:
        rows = [text.get_text() for text in ax.get_yticklabels()] if ax.axison and not ax.get_ylabel() else []
        notes = [text.get_text() for text in ax.texts]
        found += [ax.get_title(), ax.get_ylabel(), ax.get_xlabel(), *rows, *ax.get_legend_handles_labels()[1], *notes]
    return [words.replace("\n", " ") for words in found if words]


def _views(value: Any) -> list[Any]:
    """Widgets that show what a callable returned."""
    if isinstance(value, ipywidgets.Widget):
        return [value]
    if isinstance(value, str):
        return [ipywidgets.HTMLMath(value)]
    if drawn := _png(value):
        return [Picture(value=drawn, alt="what came of it", layout=LAYOUT)]
    return []
