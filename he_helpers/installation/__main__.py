"""Install sets of requirements.lock: `python3 -m he_helpers.installation learner` (or `checks`).

With `--beside`, Pyfhel goes on compiling when this ends; otherwise this ends when it is compiled.
"""

import sys
from pathlib import Path

from he_helpers.installation.errors import InstallationError
from he_helpers.installation.interpreter import require_supported_python

PROJECT = Path(__file__).resolve().parents[2]
_BESIDE = "--beside"


def main() -> None:
    try:
        require_supported_python()
        # Imported here because an interpreter outside the range may not even be able to read it.
        from he_helpers.installation.installer import install

        sets = [argument for argument in sys.argv[1:] if argument != _BESIDE]
        install(PROJECT, sets or ["learner"], wait=_BESIDE not in sys.argv)
    except InstallationError as error:
        sys.exit(f"\nThe set-up stopped. {error}")
    except KeyboardInterrupt:
        sys.exit("\nThe set-up was interrupted. The same command goes on with what is not done yet.")


if __name__ == "__main__":
    main()
