"""Start the server, add an account to one, or start a scoring service.

python -m he_helpers.server run|add-account --folder F
python -m he_helpers.server score --folder F --models DIR
"""

from he_helpers.server.process.import_guard import install_import_guard

# Before anything else is imported, so that nothing of the secret side can come in with it.
install_import_guard()

import gc  # noqa: E402

if __name__ == "__main__":
    # What is imported stays. Looked through for what can go while it comes, it takes a tenth longer to start.
    gc.disable()

import argparse  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from he_helpers.server.account_roles import ACCOUNT_ROLES  # noqa: E402
from he_helpers.server.release.accounts import add_account  # noqa: E402
from he_helpers.server.release.datasets.policy import DEFAULT_LARGEST_BODY  # noqa: E402
from he_helpers.server.scoring.policy import LARGEST_SCORING_BODY  # noqa: E402
from he_helpers.server.storage.folder import CannotStart, prepare_folder  # noqa: E402
from he_helpers.server.storage.quotas import Quotas  # noqa: E402
from he_helpers.server.storage.store import Store  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status. Errors go to stderr in one line."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "add-account":
            prepare_folder(options.folder)
            store = Store(options.database) if options.database else Store.in_folder(options.folder)
            print(add_account(store, options.name, options.role))
            store.close()
        elif options.command == "score":
            from he_helpers.server.process.running import run_scoring

            run_scoring(
                options.folder,
                options.models,
                options.host,
                options.port,
                options.largest_body,
                options.workers,
                options.inspectable,
                options.not_only_this_machine,
            )
        else:
            # Brings the web server with it, which adding an account does not need.
            from he_helpers.server.process.running import run_server

            run_server(
                options.folder,
                options.host,
                options.port,
                options.database,
                options.largest_body,
                options.workers,
                Quotas(
                    account_bytes=options.account_bytes,
                    account_datasets=options.account_datasets,
                    account_open_requests=options.account_open_requests,
                    account_letters=options.account_letters,
                    account_events=options.account_events,
                    total_bytes=options.total_bytes,
                ),
                options.inspectable,
                options.not_only_this_machine,
            )
    except (CannotStart, ValueError) as error:
        print(f"he_helpers.server: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m he_helpers.server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="serve until SIGTERM")
    scoring = commands.add_parser("score", help="compute models' scores on ciphertexts until SIGTERM")
    scoring.add_argument(
        "--models", type=Path, required=True, metavar="DIR", help="the folder of models, each a file NAME.json"
    )
    for command, largest_body in ((run, DEFAULT_LARGEST_BODY), (scoring, LARGEST_SCORING_BODY)):
        command.add_argument("--host", default="127.0.0.1")
        command.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
        command.add_argument("--largest-body", type=int, default=largest_body, metavar="BYTES")
        command.add_argument(
            "--workers",
            type=int,
            default=3,
            metavar="N",
            help="the most processes that read and compute: two from the start, others when needed, some 60 MB each",
        )
        command.add_argument(
            "--inspectable",
            action="store_true",
            help="let other processes of this user read the memory of server and workers (for the course alone)",
        )
        command.add_argument(
            "--not-only-this-machine",
            action="store_true",
            help="allow a host other than the loopback address; a proxy in front must then add TLS",
        )

    for option, default, kept in (
        ("--account-bytes", Quotas.account_bytes, "of an account: tables, aggregates, results, partial decryptions"),
        ("--account-datasets", Quotas.account_datasets, "of an administrator"),
        ("--account-open-requests", Quotas.account_open_requests, "of an analyst: neither refused nor released yet"),
        ("--account-letters", Quotas.account_letters, "of a custodian: letters that wait for others"),
        ("--account-events", Quotas.account_events, "in the audit trail, refused requests included"),
        ("--total-bytes", Quotas.total_bytes, "of all administrators together"),
    ):
        run.add_argument(
            option,
            type=int,
            default=default,
            metavar="BYTES" if option.endswith("bytes") else "N",
            help=f"the most that the store keeps {kept}; by default {default:,}",
        )

    add = commands.add_parser("add-account", help="create an account and print its token once")
    add.add_argument("--role", choices=ACCOUNT_ROLES, required=True)
    add.add_argument("--name", required=True)

    for command in (run, add, scoring):
        command.add_argument("--folder", type=Path, required=True, help="the server's own folder")
    for command in (run, add):
        command.add_argument("--database", metavar="URL", help="an SQLAlchemy URL; by default SQLite in the folder")
    return parser


if __name__ == "__main__":
    status = main()
    # All that there is ends now; Python would look through it first.
    gc.freeze()
    sys.exit(status)
