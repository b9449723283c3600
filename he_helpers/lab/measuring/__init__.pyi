from .explorer import Explorer as Explorer
from .inside import inside_bfv as inside_bfv
from .inside import inside_ckks as inside_ckks
