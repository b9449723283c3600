"""Audit a dataset from a bundle, without a key: ``python -m he_helpers.audit BUNDLE``.

Exit status: 0 without a finding, 1 with findings, 2 for a file that is no bundle.
"""

import argparse
import json
import sys
from pathlib import Path

from he_helpers.audit.bundle import Bundle, UnreadableBundle
from he_helpers.audit.verification import audit_bundle
from he_helpers.errors import HEError

_LARGEST_KEY_FILE = 4096
_KEY_BYTES = 32


def main(arguments: list[str] | None = None) -> int:
    """The command line: prints the report, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m he_helpers.audit", description=__doc__)
    parser.add_argument("bundle", type=Path, help="the file that the data administrator wrote")
    parser.add_argument(
        "--verify-key",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="the verify key of a witness, as it was handed over; repeat it for several (default: those in the bundle)",
    )
    options = parser.parse_args(arguments)
    try:
        keys = _verify_keys(options.verify_key)
        report = audit_bundle(Bundle.read(options.bundle), keys or None)
    except HEError as error:
        print(f"he_helpers.audit: {error}", file=sys.stderr)
        return 2
    print(report)
    return 0 if report.clean else 1


def _verify_keys(given: list[str]) -> dict[str, bytes]:
    pairs = [_verify_key(one) for one in given]
    keys = dict(pairs)
    # Of two keys under one name, or one key under two names, one would be left out of the audit without a word.
    if not len(keys) == len(set(keys.values())) == len(pairs):
        raise UnreadableBundle("--verify-key: each name and each key is given once, and here one is there twice.")
    return keys


def _verify_key(given: str) -> tuple[str, bytes]:
    name, _, file = given.partition("=")
    try:
        with open(file, "rb") as opened:
            document = json.loads(opened.read(_LARGEST_KEY_FILE))
        key = bytes.fromhex(document["key"])
        if document["kind"] != "verify key" or not name or len(key) != _KEY_BYTES:
            raise ValueError
        return name, key
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableBundle(
            f"{given!r:.200} names no verify key: expected is NAME=FILE, with the file that a witness handed over."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
