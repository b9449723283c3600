from .process.import_guard import ForbiddenImport as ForbiddenImport
from .process.import_guard import install_import_guard as install_import_guard
from .process.import_guard import is_forbidden as is_forbidden
from .scoring.routes import create_scoring_app as create_scoring_app
