"""Send hostile bodies to servers of its own: python -m tests.fuzz [--bodies N] [--seed S] [--first N]"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import ROOT, fuzz


def main() -> int:
    """Run the command line; status 1 where a server ended, an answer was 5xx, or an honest request went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="makes the changes again")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="begin with the body of this number")
    options = parser.parse_args()
    print(f"{options.bodies:,} bodies, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(options.first, options.first + options.bodies)
        report = fuzz(numbers, options.seed, Path(folder), ROOT / "build" / "fuzz")
    print(report)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
