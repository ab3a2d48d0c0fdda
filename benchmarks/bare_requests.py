"""Ask Google's calendar service what a sync with nothing changed asks, with the same libraries, and nothing else.

`python bare_requests.py FILE`: the sign-ins, the address and the question, as `run.py` writes them.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httplib2
from google.api_core.client_options import ClientOptions
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build

SCOPES = ["https://www.googleapis.com/auth/calendar.events.owned.readonly"]


def credentials(kept: dict[str, Any], mailbox: str) -> Any:  # noqa: ANN401  # of one of two kinds
    if kept["kind"] == "service_account":
        return service_account(json.dumps(kept["key"])).with_subject(mailbox)
    from google.oauth2.credentials import Credentials

    names = ("refresh_token", "token_uri", "client_id", "client_secret")
    expiry = datetime.fromisoformat(kept["expiry"]).astimezone(UTC).replace(tzinfo=None)
    return Credentials(kept["token"], expiry=expiry, **{name: kept[name] for name in names})


@cache
def service_account(key: str) -> Any:  # noqa: ANN401  # of a library without types
    from google.oauth2.service_account import Credentials

    return Credentials.from_service_account_info(json.loads(key), scopes=SCOPES)


given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
options = ClientOptions(api_endpoint=f"{given['root']}/calendar/v3/")
for one in given["mailboxes"]:
    http = AuthorizedHttp(credentials(one["secret"], one["mailbox"]), http=httplib2.Http(timeout=60))
    service = build("calendar", "v3", http=http, client_options=options, cache_discovery=False, static_discovery=True)
    question = {**given["question"], "singleEvents": False, "showDeleted": True}
    answer = service.events().list(calendarId="primary", syncToken=one["token"], **question).execute()
    print(len(answer.get("items", [])))
    http.close()
