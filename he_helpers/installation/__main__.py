"""Install sets of requirements.lock: `python3 -m he_helpers.installation learner` (or `checks`)."""

import sys
from pathlib import Path

from he_helpers.installation.errors import InstallationError
from he_helpers.installation.interpreter import require_supported_python

PROJECT = Path(__file__).resolve().parents[2]


def main():
    try:
        require_supported_python()
        # Imported here because an interpreter outside the range may not even be able to read it.
        from he_helpers.installation.installer import install

        install(PROJECT, sys.argv[1:] or ["learner"])
    except InstallationError as error:
        sys.exit(f"\nThe set-up stopped. {error}")
    except KeyboardInterrupt:
        sys.exit("\nThe set-up was interrupted. Nothing is marked as done: the same command starts again.")


if __name__ == "__main__":
    main()
