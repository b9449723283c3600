"""A module of tasks that never ends being imported."""

import time

time.sleep(3600)
