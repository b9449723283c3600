from . import bad_input_cases as bad_input_cases
from . import library_contestants as library_contestants
from . import library_jobs as library_jobs
from .bad_input import provoke as provoke
from .library_abilities import abilities as abilities
from .trials import check_libraries as check_libraries
