"""The health screening of notebook 12 as a page of its own, served by Voilà on this computer: `make app`.

    python -m he_helpers.lab.screening.screening_app [--port 8866] [--no-browser]

Every visit of the page gets a process of its own, with its own key pair and its own answers, which end about a minute
after the page is closed. That process is the person's: it sees the answers, so the page is served to this computer
alone (loopback) and has no option to change that. Which research server it asks is configuration, see
`screening.research_server`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from he_helpers.files import private_folder
from he_helpers.lab.screening.screening import NO_ADVICE
from he_helpers.lab.workspace.workspace import Workspace, environment_for

TITLE = "Health screening on encrypted answers"
_PAGE = "screening.ipynb"
# How long a visit's process outlives its page. The page's own request to end it is refused by Jupyter Server, which
# misses a token against forged requests in it, and says so in the terminal; the check stays on all the same.
_IDLE_SECONDS = 60
_PING_MILLISECONDS = 30_000
# Voilà's template loads a font from a content delivery network, which would thereby learn of the visit. Nothing that
# does not come from this computer is loaded, and nothing is sent anywhere else by the browser.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self' data:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws://127.0.0.1:*; frame-ancestors 'self'"
)
_INTRODUCTION = f"""# {TITLE}

Your answers are encrypted on this computer, under a key that was made for this visit alone. A research server computes
a published score of the risk of type 2 diabetes on the ciphertexts and cannot read them. Only this page can read the
result.

{NO_ADVICE}
"""
_SOURCE = """The score: M. P. Stern, K. Williams and S. M. Haffner, *Annals of Internal Medicine* 136 (2002) 575-581;
the mark: M. A. Abdul-Ghani and others, *Diabetes Care* 34 (2011) 2108-2112."""


def show_page() -> None:
    """Displays the form, in the kernel of one visit; what goes wrong before that is said in words."""
    from IPython.display import Markdown, display

    from he_helpers import lab
    from he_helpers.errors import HEError
    from he_helpers.lab.screening.screening import Person, describe_model, research_server
    from he_helpers.lab.screening.screening_form import ScreeningForm

    try:
        lab.enter("person", notebook="12")
        address = research_server(Workspace())
        model = describe_model(address)
    except HEError as error:
        display(Markdown(f"**The form cannot be shown.** {error}"))
        return
    display(ScreeningForm(model, Person(address, model).ask).box)


def page() -> nbformat.NotebookNode:
    """The notebook that Voilà serves: text around one call of `show_page`."""
    code = "from he_helpers.lab.screening.screening_app import show_page\n\nshow_page()"
    cells = [new_markdown_cell(_INTRODUCTION), new_code_cell(code), new_markdown_cell(_SOURCE)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"title": TITLE, "kernelspec": kernel})


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m he_helpers.lab.screening.screening_app", description=TITLE)
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    chosen = parser.parse_args(arguments)
    try:
        from voila.app import Voila
    except ImportError:
        sys.exit("Voilà is not installed; `make lab` and `make app` install it.")

    workspace = Workspace()
    # A folder with nothing but the page, because Voilà also serves files that lie beside it.
    folder = private_folder(workspace.folder("person") / "page")
    nbformat.write(page(), folder / _PAGE)
    # The kernels of the visits inherit it, and enter their role themselves.
    os.environ.update(environment_for(workspace, None))
    idle = {"cull_idle_timeout": _IDLE_SECONDS, "cull_interval": _IDLE_SECONDS // 6}
    print(f"The form: http://127.0.0.1:{chosen.port}/ (Control-C ends it)", flush=True)
    Voila.launch_instance(
        [str(folder / _PAGE)],
        ip="127.0.0.1",
        port=chosen.port,
        open_browser=not chosen.no_browser,
        tornado_settings={
            "headers": {"Content-Security-Policy": _CONTENT_SECURITY_POLICY},
            # Jupyter Server's own default is longer than its interval, which Tornado corrects with a warning.
            "ws_ping_timeout": _PING_MILLISECONDS,
        },
        config=Config(
            {
                "VoilaConfiguration": {"show_tracebacks": False},
                "MappingKernelManager": idle,
                # Sockets in a folder of one's own; each kernel warns about those of the network, which others reach.
                "KernelManager": {"transport": "ipc"},
                # Else it warns that nobody has signed the page, which this module has just written.
                "Voila": {"log_level": "ERROR"},
            }
        ),
    )


if __name__ == "__main__":
    main()
