from .course import Role as Role
from .course import Step as Step
from .holdings import who_holds_what as who_holds_what
from .picture import Picture as Picture
from .sequence import sequence as sequence
from .style import apply_style as apply_style
from .style import bars as bars
from .style import show as show
