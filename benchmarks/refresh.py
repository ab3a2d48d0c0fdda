"""Make what a sync keeps of the accounts, as the end of a sync does; print how long that took, and its memory.

    python benchmarks/refresh.py

The store and the config are those of the environment; `CALSIGNAL_DATABASE_URL` names one that was generated.
"""

from __future__ import annotations

import json
import resource
import time

from calsignal.cli.app import App
from calsignal.recall import refresh


def main() -> None:
    app = App()
    store = app.store()
    began, cpu = time.perf_counter(), time.process_time()
    refresh(store, app.settings, app.now)
    took = time.perf_counter() - began, time.process_time() - cpu
    app.close()
    print(json.dumps([*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


if __name__ == "__main__":
    main()
