from .collecting import Evidence as Evidence
from .collecting import collect as collect
from .control import process_that_holds as process_that_holds
from .needles import needles_of_number_table as needles_of_number_table
from .needles import needles_of_tenseal_key as needles_of_tenseal_key
from .report import in_words as in_words
from .searching import NOT_READ as NOT_READ
from .searching import search as search
