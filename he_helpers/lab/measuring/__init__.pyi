from .explorer import Explorer as Explorer
from .knobs import SIZES as SIZES
from .knobs import TIMES as TIMES
from .knobs import noise_budget as noise_budget
from .knobs import predicted_sizes as predicted_sizes
from .knobs import turn as turn
