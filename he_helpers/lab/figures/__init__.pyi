from .style import apply_style as apply_style
from .style import bars as bars
from .style import show as show
