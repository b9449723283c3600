from .screening import Person as Person
from .screening import chance_of as chance_of
from .screening import describe_model as describe_model
from .screening import research_server as research_server
from .screening_form import ScreeningForm as ScreeningForm
from .screening_form import gauge as gauge
