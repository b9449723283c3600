from .explorer import Explorer as Explorer
from .inside import inside_bfv as inside_bfv
from .inside import inside_ckks as inside_ckks
from .knobs import SIZES as SIZES
from .knobs import TIMES as TIMES
from .knobs import noise_budget as noise_budget
from .knobs import predicted_sizes as predicted_sizes
from .knobs import turn as turn
