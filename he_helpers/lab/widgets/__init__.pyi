from .division_explorer import DivisionExplorer as DivisionExplorer
from .layout_explorer import LayoutExplorer as LayoutExplorer
from .live_protocol import LiveProtocol as LiveProtocol
from .noise_gauge import NoiseGauge as NoiseGauge
from .review_desk import ReviewDesk as ReviewDesk
