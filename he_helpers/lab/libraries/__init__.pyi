from .bad_input import provoke as provoke
from .check_libraries import check_libraries as check_libraries
from .library_abilities import abilities as abilities
from .library_abilities import operators as operators
