"""Ask Google's calendar service what a sync with nothing changed asks, with the same libraries, and nothing else.

`python bare_request.py FILE`: the sign-in, the address and the question, as `run.py` writes them.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import httplib2
from google.api_core.client_options import ClientOptions
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build

given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
kept = given["secret"]
credentials = Credentials(
    kept["token"],
    refresh_token=kept["refresh_token"],
    token_uri=kept["token_uri"],
    client_id=kept["client_id"],
    client_secret=kept["client_secret"],
    expiry=datetime.fromisoformat(kept["expiry"]).astimezone(UTC).replace(tzinfo=None),
)
service = build(
    "calendar",
    "v3",
    http=AuthorizedHttp(credentials, http=httplib2.Http(timeout=60)),
    client_options=ClientOptions(api_endpoint=f"{given['root']}/calendar/v3/"),
    cache_discovery=False,
    static_discovery=True,
)
question = {**given["question"], "singleEvents": False, "showDeleted": True}
answer = service.events().list(calendarId="primary", syncToken=given["token"], **question).execute()
print(len(answer.get("items", [])))
