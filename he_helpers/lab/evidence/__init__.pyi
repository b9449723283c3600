from .collecting import Evidence as Evidence
from .collecting import collect as collect
from .needles import needles_of_bytes as needles_of_bytes
from .needles import needles_of_number_table as needles_of_number_table
from .searching import NOT_READ as NOT_READ
from .searching import search as search
