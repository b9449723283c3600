"""What the server and the scoring service do alike: strict settings, problem documents, one log line, bodies in bounds.

Neither bodies nor tokens are logged.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as BareResponse

from he_helpers.server.http.bodies import Body, BodyWriter, body_too_large
from he_helpers.server.http.problems import CONTENT_TYPE, Problem, problem_of_status

_View = TypeVar("_View", bound=Callable[..., Any])

_log = logging.getLogger("he_helpers.server")


def new_application(blueprint: Blueprint, **settings: Any) -> Flask:
    """A Flask application that answers with ``blueprint`` and with nothing else; ``settings`` go into its config."""
    app = Flask("he_helpers.server", static_folder=None)
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, **settings)
    assert isinstance(app.json, DefaultJSONProvider), "Flask sets it"
    app.json.sort_keys = False
    app.url_map.merge_slashes = False
    app.register_blueprint(blueprint)
    app.after_request(_log_request)
    _install_problems(app)
    return app


@dataclass(frozen=True)
class Allowance:
    """How many bytes a body may have, and the name of the account that sends it, where there are accounts."""

    largest: int
    account: str | None = None


@dataclass(frozen=True)
class BodyTerms:
    """What must hold before a body is read.

    ``largest`` is in bytes; None stands for the limit of the application. ``admit`` returns the account's name, None
    where there are no accounts, or raises Problem; None in its place admits all.
    """

    content_type: str
    largest: int | None
    admit: Callable[[], str | None] | None

    def check(self) -> Allowance:
        """Look at the head of this request. Raises Problem, body-too-large among others."""
        account = self.admit() if self.admit else None
        largest = min(self.largest or current_app.config["LARGEST_BODY"], current_app.config["LARGEST_BODY"])
        if (request.content_length or 0) > largest:
            raise body_too_large(largest)
        if request.mimetype != self.content_type:
            raise Problem("wrong-content-type", f"Send the body with the header 'Content-Type: {self.content_type}'.")
        return Allowance(largest, account)


_terms_of: dict[Callable[..., Any], BodyTerms] = {}


def takes_body(
    content_type: str, *, largest: int | None = None, admit: Callable[[], str | None] | None = None
) -> Callable[[_View], _View]:
    """Say of a view which body it takes, and on which terms; `read_body` gives it."""

    def declare(view: _View) -> _View:
        _terms_of[view] = BodyTerms(content_type, largest, admit)
        return view

    return declare


def body_allowance(app: Flask, environ: dict[str, Any]) -> Allowance:
    """What a body may be that follows the head in ``environ``.

    Nothing, where the application refuses the request whatever its body is, or takes none: call it without a body.
    """
    with app.request_context(environ):
        terms = _terms_here(app)
        try:
            return terms.check() if terms else Allowance(0)
        except Exception:
            return Allowance(0)


def _terms_here(app: Flask) -> BodyTerms | None:
    """On which terms the view of this request takes a body; None where there is no view, or it takes none."""
    view = app.view_functions.get(request.endpoint or "")
    return None if view is None else _terms_of.get(view)


# Where a server below the application puts a body that it has read.
BODY_IN_ENVIRON = "he_helpers.body"
# Where the application puts the name of the account whose token came with a request.
ACCOUNT_IN_ENVIRON = "he_helpers.account"


def read_body() -> Body:
    """The body of this request, on the terms of its view. Raises Problem, from the head alone where that suffices."""
    if (body := request.environ.get(BODY_IN_ENVIRON)) is not None:
        # The terms were checked before the first byte of it was taken.
        return body
    terms = _terms_here(current_app)
    assert terms is not None, "its view is declared by takes_body"
    allowance = terms.check()
    return _read_stream(allowance.largest)


def _read_stream(largest: int) -> Body:
    """The body from a server that has it in a stream, as Flask's test client does."""
    writer = BodyWriter(largest)
    while piece := request.stream.read(2**16):
        writer.write(piece)
    return writer.finish()


def _log_request(response: Response) -> Response:
    # The path alone: what follows the question mark, headers and bodies stay out of the log.
    _log.info("%s %s %s", request.method, quote(request.path)[:200], response.status_code)
    return response


def _install_problems(app: Flask) -> None:
    """Answer every error of ``app`` with a problem document."""

    def answer(problem: Problem) -> Response:
        response = Response(problem.to_bytes(), problem.status, content_type=CONTENT_TYPE)
        if problem.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def answer_http(error: HTTPException) -> BareResponse:
        if error.response is not None or error.code is None or error.code < 400:
            return error.get_response()
        response = answer(problem_of_status(error.code, error.description or ""))
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response

    def answer_unexpected(error: Exception) -> Response:
        # The message of an unknown error may quote its input, so the log gets its type and place only.
        place = traceback.extract_tb(error.__traceback__)[-1]
        _log.error("unexpected %s in %s line %s", type(error).__name__, place.name, place.lineno)
        return answer(
            Problem(
                "internal-error",
                "The server could not finish this step and has undone it. Try again; if it stays, tell the "
                "server's operator the time, and what you called.",
            )
        )

    app.register_error_handler(Problem, answer)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_unexpected)
