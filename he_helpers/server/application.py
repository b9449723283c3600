"""What the server and the scoring service do alike: strict settings, problem documents, one log line, bodies in bounds.

Neither bodies nor tokens are logged.
"""

import logging
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from he_helpers.server.problems import Problem, install_problems

_log = logging.getLogger("he_helpers.server")


def new_application(blueprint: Blueprint, **settings: Any) -> Flask:
    """A Flask application that answers with ``blueprint`` and with nothing else; ``settings`` go into its config."""
    app = Flask("he_helpers.server", static_folder=None)
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, **settings)
    app.json.sort_keys = False
    app.url_map.merge_slashes = False
    app.register_blueprint(blueprint)
    app.after_request(_log_request)
    install_problems(app)
    return app


def read_body(content_type: str, largest: int) -> bytes:
    """The body of this request. Raises Problem: body-too-large (unread), wrong-content-type."""
    request.max_content_length = largest
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Problem("body-too-large", f"A body here has at most {largest:,} bytes.", largest_body=largest) from None
    if request.mimetype != content_type:
        raise Problem("wrong-content-type", f"Send the body with the header 'Content-Type: {content_type}'.")
    return body


def _log_request(response: Response) -> Response:
    # The path alone: what follows the question mark, headers and bodies stay out of the log.
    _log.info("%s %s %s", request.method, quote(request.path)[:200], response.status_code)
    return response
