"""What every notebook of the course must be, beside running through: static rules over the stored file.

Each rule is a function that takes a Notebook and returns its findings; RULES lists them all. nbval compares
stored outputs with a fresh run, but passes cells that were never executed, compares no figures, and knows
nothing of roles.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from nbval.plugin import get_sanitize_patterns

from he_helpers.lab.exercises.catalogue import exercises_of
from he_helpers.lab.exercises.cells import PREFIX, cells_of
from he_helpers.lab.workspace.workspace import ROLES
from tests.notebooks.notebook import Finding, Notebook

PROJECT = Path(__file__).resolve().parents[2]
# All that a notebook imports of the course; everything that a lesson needs stands there.
FRONT_DOORS = (
    "he_helpers.advice",
    "he_helpers.computing",
    "he_helpers.lab",
    "he_helpers.parameters",
    "he_helpers.roles",
    "he_helpers.schemes",
    "he_helpers.schemes.secret",
    "he_helpers.server",
    "he_helpers.tables",
    "he_helpers.tables.statistics",
)
MOST_LINES = 18


def is_executed_in_order(notebook: Notebook) -> list[Finding]:
    findings = []
    for expected, cell in enumerate(notebook.code, start=1):
        count = cell.node.execution_count
        if count is None:
            findings.append(Finding(cell.number, "was never executed; run `make notebooks`."))
        elif count != expected:
            findings.append(
                Finding(
                    cell.number,
                    f"was executed as number {count} instead of {expected}; run `make notebooks`.",
                )
            )
    return findings


def stores_errors_only_where_asked(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and not cell.may_raise:
            findings.append(Finding(cell.number, "stores an error; mend it, or tag the cell raises-exception."))
        if cell.may_raise and not raised:
            findings.append(Finding(cell.number, "is tagged raises-exception and raises nothing; take the tag away."))
    return findings


_PLACES = "home|root|tmp|Users|private|var|opt|mnt|usr|srv|work|workspace|Volumes|__w"
_LOCAL_PATH = re.compile(rf"(?<![\w.:/<])/(?:{_PLACES})/[\w.@~-]+|\b[A-Z]:\\\w+|\bsite-packages\b|(?<!\w)~/\w+")
_THIS_MACHINE = sorted({str(PROJECT), str(Path.home()), tempfile.gettempdir()} - {"/"})


def stores_no_local_path(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        for text in cell.texts():
            found = _LOCAL_PATH.search(text)
            here = [path for path in _THIS_MACHINE if re.search(rf"(?<!\w){re.escape(path)}(?![\w-])", text)]
            if found or here:
                shown = found.group() if found else here[0]
                message = f"stores the path {shown!r} of one machine; print a name or a relative path."
                findings.append(Finding(cell.number, message))
                break
    return findings


_TIMING = re.compile(
    r"\d\s?(?:ns|µs|μs|us|ms)\b"
    r"|\d\.\d+\s?s\b|\b\d+\ss\b"
    r"|\d[\d.]*\s?(?:sec|secs|seconds?|milliseconds?|microseconds?|minutes?)\b"
    r"|\d\s?(?:it/s|rows/s|/s)\b|\bWall time\b|\bCPU times\b"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
    r"|(?<=\s)[\[(](?:ns|µs|μs|ms|s|seconds)[\])]"
)
_TIMING_WORD = re.compile(r"\b(?:took|elapsed|seconds|milliseconds)\b|[µμ]s\b", re.IGNORECASE)


def stores_no_timing_where_compared(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        if not cell.compared:
            continue
        for line in (line for text in cell.texts() for line in _masked(text).splitlines()):
            found = _TIMING.search(line)
            if found or (_TIMING_WORD.search(line) and re.search(r"\d", line)):
                shown = found.group() if found else line.strip()[:60]
                message = f"stores a time or timing, {shown!r}; show it by lab.measured(value, unit), masked."
                findings.append(Finding(cell.number, message))
                break
    return findings


def _masked(text: str) -> str:
    """The text as nbval compares it: without the digits of measured numbers."""
    for pattern, replacement in get_sanitize_patterns(Path(__file__).with_name("sanitise.cfg").read_text("utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


def compares_nine_cells_in_ten(notebook: Notebook) -> list[Finding]:
    ignored = [cell for cell in notebook.code if not cell.compared]
    if len(ignored) * 10 <= len(notebook.code):
        return []
    cells = ", ".join(str(cell.number) for cell in ignored)
    message = f"Of {len(notebook.code)} code cells, {cells} are not compared; leave out at most one in ten."
    return [Finding(None, message)]


def stores_no_stderr_where_compared(notebook: Notebook) -> list[Finding]:
    return [
        Finding(cell.number, "writes to stderr, which holds warnings with local paths; mend what warns.")
        for cell in notebook.code
        if cell.compared and any(output.get("name") == "stderr" for output in cell.outputs)
    ]


def has_cells_of_readable_length(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        lines = len(cell.source.splitlines())
        if lines > MOST_LINES:
            message = f"has {lines} lines, more than {MOST_LINES}; split it, or move lines to he_helpers.lab."
            findings.append(Finding(cell.number, message))
    return findings


def begins_with_a_title(notebook: Notebook) -> list[Finding]:
    first = notebook.cells[0] if notebook.cells else None
    if first is not None and first.cell_type == "markdown" and re.match(r"# \S", first.source):
        return []
    return [Finding(1, "is no title; begin with a text cell whose first line is an H1, '# Verb ...'.")]


def ends_with_versions(notebook: Notebook) -> list[Finding]:
    if not notebook.code:
        return [Finding(None, "It has no code cell; the last one prints the versions of the libraries used.")]
    last = notebook.code[-1]
    printed = any(re.search(r"\d+\.\d+", text) for text in last.texts())
    if "version" in last.source.lower() and printed:
        return []
    return [Finding(last.number, "is the last code cell and prints no versions; end with those of the libraries used.")]


_IMAGE = re.compile(r"<(?:img|svg)\b[^>]*>", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"""\balt=(?:"\s*[^"\s]|'\s*[^'\s])""")


def describes_every_figure(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        bare = any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {}))
        silent = any(not _ALTERNATIVE.search(image) for image in _IMAGE.findall(cell.html()))
        if bare or silent:
            message = "shows a figure without alternative text; display it with he_helpers.lab.figures.show."
            findings.append(Finding(cell.number, message))
    return findings


def gives_a_table_after_every_figure(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell, following in zip(notebook.code, [*notebook.code[1:], None], strict=True):
        figure = None
        for index, output in enumerate(cell.outputs):
            data = output.get("data", {})
            if _IMAGE.search(data.get("text/html", "")) or any(mime.startswith("image/") for mime in data):
                figure = index
        if figure is None:
            continue
        # A picture and its table may be one output.
        with_it = _IMAGE.split(cell.outputs[figure].get("data", {}).get("text/html", ""))[-1]
        after = [*cell.outputs[figure + 1 :], *(following.outputs if following else [])]
        shown = [with_it, *(output.get("data", {}).get("text/html", "") for output in after)]
        if not any("<table" in html for html in shown):
            message = "shows a figure and no table of its numbers right after it; display the DataFrame next."
            findings.append(Finding(cell.number, message))
    return findings


def opens_only_its_own_roles_folder(notebook: Notebook) -> list[Finding]:
    entered = re.search(r"""\benter\(\s*["'](\w+)["']""", "\n".join(cell.source for cell in notebook.code))
    own = entered.group(1) if entered else None
    findings = []
    for cell in notebook.code:
        magic = re.match(r"%%role\s+(\w+)", cell.source)
        speaker = magic.group(1) if magic else own
        for folder in (*ROLES, "in_mind"):
            if folder != speaker and _opens(cell.source, folder):
                who = f"the {speaker}" if speaker else "a notebook without a role"
                message = f"opens the folder {folder!r} as {who}; use handover/, the server, or %%role {folder}."
                findings.append(Finding(cell.number, message))
    return findings


def _opens(source: str, folder: str) -> bool:
    part = rf"""["'](?:[^"'\n]*/)?{folder}(?:/[^"'\n]*)?["']"""
    joined = rf"""/\s*f?{part}|["']{folder}["']\s*/"""
    called = rf"""\b(?:folder|joinpath|Path|open|workspace|with_name)\(\s*[^()\n]*?f?{part}"""
    written = rf"""["'][^"'\n:]*/{folder}(?:/[^"'\n]*)?["']|["']{folder}/[^"'\n]*["']"""
    return re.search(f"{joined}|{called}|{written}", source) is not None


def imports_from_front_doors(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        for line in re.findall(r"^\s*(?:from|import)\s+he_helpers\b.*", cell.source, re.MULTILINE):
            words = line.split()
            named = f"he_helpers.{words[3]}" if words[:2] == ["from", "he_helpers"] else words[1]
            if named not in FRONT_DOORS:
                message = f"imports by {line.strip()!r}; import from a front door: {', '.join(FRONT_DOORS)}."
                findings.append(Finding(cell.number, message))
    return findings


# An access token has 43 characters of URL-safe base64, a passphrase of the course 32.
_RANDOM = re.compile(r"(?<![\w/+=-])(?:[\w-]{43}|[\w-]{32})(?![\w/+=-])", re.ASCII)
_SECRET = re.compile(
    r"""(?-i:PRIVATE KEY)|\bBearer\s+[\w-]{16,}"""
    r"""|\b(?:passphrase|password|token)\s*[:=]\s*["'](?!wrong)[^"'\n]{4,}["']""",
    re.IGNORECASE,
)


def holds_no_secret(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        for text in (cell.source, *cell.texts()):
            if _SECRET.search(text) or any(map(_looks_random, _RANDOM.findall(text))):
                message = (
                    "holds what looks like a token, a passphrase or a secret key; show its length instead. "
                    "One that is wrong on purpose begins with 'wrong'."
                )
                findings.append(Finding(cell.number, message))
                break
    return findings


def _looks_random(word: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit)
    return len(set(word)) >= 12 and all(any(map(kind, word)) for kind in kinds)


_EXERCISE_CALL = re.compile(r"\blab\.(?:your_turn|check|show_solution)\(")


def holds_its_exercises_as_declared(notebook: Notebook) -> list[Finding]:
    """Each exercise that it holds is whole and as declared; of which notebook each is: `misplaced_exercises`."""
    renew = "run `python -m he_helpers.lab.running.exercise_cells`, then `make notebooks`"
    findings = []
    places = {cell.get("id"): place for place, cell in enumerate(notebook.cells)}
    declared = set()
    for exercise in exercises_of(notebook.number):
        cells = cells_of(exercise)
        declared.update(cell.id for cell in cells)
        missing = [cell.id for cell in cells if cell.id not in places]
        if len(missing) == len(cells):
            continue
        if missing:
            findings.append(Finding(None, f"It lacks the cells {', '.join(missing)}; {renew}."))
            continue
        first = places[cells[0].id]
        for cell, place in ((cell, places[cell.id]) for cell in cells):
            stored = notebook.cells[place]
            if place != first + cells.index(cell):
                findings.append(Finding(place + 1, f"stands apart from its exercise {exercise.id}; {renew}."))
            parts = ("cell_type", "source", "metadata")
            if any(stored[part] != cell[part] for part in parts):
                findings.append(Finding(place + 1, f"is not as the exercise {exercise.id} is declared; {renew}."))
    for number, cell in enumerate(notebook.cells, start=1):
        named = cell.get("id", "").startswith(PREFIX)
        calls = cell.cell_type == "code" and _EXERCISE_CALL.search(cell.source)
        if (named or calls) and cell.get("id") not in declared:
            message = "is no cell of an exercise of this notebook; declare it in he_helpers/lab/exercises/declared."
            findings.append(Finding(number, message))
    return findings


def misplaced_exercises(notebooks: Sequence[Notebook]) -> list[str]:
    """What is wrong with where the exercises of a number stand. notebooks: all that share the number, in order."""
    cells = [cell for notebook in notebooks for cell in notebook.cells]
    tasks = [re.fullmatch(rf"{PREFIX}(\S+)-task", cell.get("id", "")) for cell in cells]
    standing = [task[1] for task in tasks if task]
    declared = [exercise.id for exercise in exercises_of(notebooks[0].number)]
    findings = [
        f"The exercise {id} stands in {standing.count(id)} places." for id in declared if standing.count(id) != 1
    ]
    if not findings and standing != declared:
        findings.append(f"The exercises stand in the order {', '.join(standing)}; they are declared in another one.")
    return findings


RULES: tuple[Callable[[Notebook], list[Finding]], ...] = (
    is_executed_in_order,
    stores_errors_only_where_asked,
    stores_no_local_path,
    stores_no_timing_where_compared,
    compares_nine_cells_in_ten,
    stores_no_stderr_where_compared,
    has_cells_of_readable_length,
    begins_with_a_title,
    ends_with_versions,
    describes_every_figure,
    gives_a_table_after_every_figure,
    opens_only_its_own_roles_folder,
    imports_from_front_doors,
    holds_no_secret,
    holds_its_exercises_as_declared,
)
