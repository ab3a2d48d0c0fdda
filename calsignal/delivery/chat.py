"""Post a note to a channel: Slack, Teams, or any webhook that takes JSON.

Each service has a form in which text is only text, and that one is used: Slack's rich text, the text runs of Teams'
cards. What a stranger wrote can so be neither a mention nor a link.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from calsignal.delivery.address import Hook, Service
from calsignal.delivery.letter import Letter, Line, Note, disarmed
from calsignal.errors import CalsignalError, Retriable

CONNECT, READ = 10.0, 30.0  # seconds
_LATER = frozenset({408, 425, 429})
_ANEW = "make the webhook anew in the service, and `calsignal deliver add` it under the same name"

Payload = dict[str, Any]


def payload(service: Service, letter: Letter) -> Payload:
    """Return a letter as the JSON that a service takes."""
    if service is Service.SLACK:
        return slack(letter.note)
    return teams(letter.note) if service is Service.TEAMS else plain(letter)


def slack(note: Note) -> Payload:
    """Return a note as a message of Slack: a rich text block, in which no text is markup.

    `text` is what notifications show, and what services show that know Slack's webhooks and not its blocks.
    """
    elements = [_slack_run(f"{note.title}\n", bold=True)]
    for line in note.lines:
        elements += [_slack_run(span.text, bold=span.bold) for span in line if span.text]
        elements.append(_slack_run("\n", bold=False))
    section = {"type": "rich_text_section", "elements": elements}
    return {
        "text": _entities(disarmed(f"{note.title}\n{note.plain()}")),
        "blocks": [{"type": "rich_text", "elements": [section]}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _slack_run(text: str, *, bold: bool) -> Payload:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams(note: Note) -> Payload:
    """Return a note as a message of Teams: an adaptive card of rich text blocks, in which Markdown means nothing."""
    title: Payload = {"type": "TextRun", "text": note.title, "weight": "Bolder", "size": "Medium"}
    body = [
        _teams_block([title]),
        *(_teams_block(_teams_runs(line)) for line in note.lines if any(s.text for s in line)),
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _teams_block(inlines: list[Payload]) -> Payload:
    return {"type": "RichTextBlock", "spacing": "Small", "inlines": inlines}


def _teams_runs(line: Line) -> list[Payload]:
    return [
        {"type": "TextRun", "text": span.text, **({"weight": "Bolder"} if span.bold else {})}
        for span in line
        if span.text
    ]


def plain(letter: Letter) -> Payload:
    """Return a letter for a webhook of one's own: `title` and `text` in a few lines, `report` in full."""
    note = letter.note
    return {"format": "calsignal.note/1", "title": note.title, "text": note.plain(), "report": letter.text}


def post(hook: Hook, message: Payload) -> None:
    """Send JSON to a web address. Redirects are not followed: they could lead the report anywhere.

    Raises:
        Retriable: it may work later.
        CalsignalError: it will not.
    """
    import requests

    def nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request  # and so no password out of a .netrc

    try:
        with requests.post(
            hook.url, json=message, timeout=(CONNECT, READ), allow_redirects=False, auth=nobody, stream=True
        ) as response:
            _judge(hook, response.status_code, response.headers)
    except requests.exceptions.SSLError:
        raise CalsignalError(f"the certificate of {hook.host} is not valid", "nothing was sent to it") from None
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout):
        raise Retriable(f"{hook.host} cannot be reached, or broke off", "check the network") from None
    except (requests.exceptions.RequestException, ValueError):
        raise CalsignalError(f"the address at {hook.host} cannot be used", _ANEW) from None


def _judge(hook: Hook, status: int, headers: Mapping[str, str]) -> None:
    if 200 <= status < 300:
        return
    if status in _LATER or status >= 500:
        wait = retry_after(headers)
        raise Retriable(f"{hook.host} cannot take it now (status {status})", "try again later", retry_after=wait)
    if status < 400:
        raise CalsignalError(f"{hook.host} leads elsewhere (status {status})", _ANEW)
    said = "refuses what was sent" if status in (400, 413, 415, 422) else "refuses the address"
    raise CalsignalError(f"{hook.host} {said} (status {status})", _ANEW)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110 10.2.3) in seconds; a date counts from the server's own clock."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
