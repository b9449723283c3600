from .advice import Advice as Advice
from .advice import ImpossibleJob as ImpossibleJob
from .advice import advise as advise
from .fitting import Fit as Fit
from .job import InvalidJob as InvalidJob
from .job import Job as Job
from .verification import Verification as Verification
from .verification import verify as verify
