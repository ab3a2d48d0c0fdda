"""Print what buyers did in the last seven days and who goes quiet, and write the accounts for a spreadsheet.

    python examples/week.py [FILE.csv]

Config and store are those of the command line (CALSIGNAL_CONFIG, CALSIGNAL_DATABASE_URL, or the usual folders).
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from calsignal import open_store
from calsignal.errors import CalsignalError
from calsignal.model import Status


def main(file: str = "") -> None:
    now = datetime.now(UTC)
    with open_store() as store:
        good = [item for item in store.changes(since=now - timedelta(days=7), as_of=now) if item.good]
        print(f"{len(good)} good changes in seven days")
        for item in good:
            print(f"  {item.change.seen_at:%a %d %b}  {item.account}: {item.change.kind.value}")

        print("going quiet:")
        for account in store.accounts(as_of=now):
            if account.status is Status.STALLED:
                print(f"  {account.account.name}: {account.evidence}")

        backed = [line for line in store.audit(as_of=now).forecast.lines if line.backed]
        print(f"{len(backed)} open deals have a calendar behind them")
        if file:
            store.export("accounts", file, as_of=now)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CalsignalError as error:
        sys.exit(f"{error}\n{error.hint}")
