"""Send a letter as mail: plain text, HTML beside it, and what goes with it.

By Python's own `email` and `smtplib`: Apprise tells of a mail only that it failed, not whether it may work later,
makes the plain text out of the HTML, and logs addresses.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from calsignal.delivery.address import Mail, Tls, mailbox
from calsignal.delivery.letter import Letter
from calsignal.errors import CalsignalError, InputError, Retriable

TIMEOUT = 30.0  # seconds, for each answer of the server
_POLICY = SMTP.clone(cte_type="7bit")  # every server on the way can carry it
_SENDER = "calsignal"


@dataclass(frozen=True)
class Envelope:
    """What a mail needs beside its letter: to whom, when, and a `token` that no other mail has (letters, digits).

    A mail that is tried again keeps its token, so that a server that got it twice can tell.
    """

    to: tuple[str, ...] = field(repr=False)
    at: datetime
    token: str = field(repr=False)
    kind: str = "digest"


def message(mail: Mail, letter: Letter, envelope: Envelope) -> EmailMessage:
    """Return the mail. Headers say that a machine wrote it, so that no out-of-office note answers.

    Raises:
        InputError: there is nobody to send it to.
    """
    if not envelope.to:
        hint = "add to=ADDRESS to it, or name it for reps: [delivery] each, [delivery.reps]"
        raise InputError("the address names nobody to send to", hint)
    sender = mailbox(mail.sender, _SENDER)
    made = EmailMessage(_POLICY)
    made["From"] = sender
    made["To"] = [mailbox(address) for address in envelope.to]
    made["Subject"] = " ".join(_sound(letter.subject).split())
    made["Date"] = format_datetime(envelope.at)
    made["Message-ID"] = f"<{envelope.token}@{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made["List-Id"] = f"calsignal {envelope.kind} <{envelope.kind}.calsignal.{sender.domain}>"
    made.set_content(_sound(letter.text))
    made.add_alternative(_sound(letter.html), subtype="html")
    for item in letter.attachments:
        main, _, sub = item.type.partition("/")
        made.add_attachment(item.content, maintype=main, subtype=sub, filename=item.name)
    return made


def _sound(text: str) -> str:
    """Return a text that UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def send(mail: Mail, made: EmailMessage) -> None:
    """Hand a mail to its server.

    Raises:
        Retriable: it may work later.
        CalsignalError: it will not.
    """
    with _told(mail), _line(mail) as line:
        if mail.tls is Tls.STARTED:
            line.starttls(context=_context())
        if mail.user:
            line.login(mail.user, mail.password)
        refused = line.send_message(made)
    if refused:
        raise CalsignalError(f"{mail.host} refuses {len(refused)} of the recipients", "check to= in the address")


def _line(mail: Mail) -> smtplib.SMTP:
    if mail.tls is Tls.AT_ONCE:
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT, context=_context())
    return smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT)


def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextmanager
def _told(mail: Mail) -> Iterator[None]:
    """Turn what the server says into a sentence; its own words may quote an address, and do not come along."""
    host = mail.host
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise CalsignalError(f"the certificate of {host} is not valid", "nothing was sent to it") from None
    except smtplib.SMTPAuthenticationError as error:
        if 400 <= error.smtp_code < 500:
            raise _later(host, error.smtp_code) from None
        fact = f"{host} refuses the user or the password (code {error.smtp_code})"
        raise CalsignalError(fact, "`calsignal deliver add` the address with the right ones") from None
    except smtplib.SMTPNotSupportedError:
        hint = "try smtps:// in the place of smtp://, and port 465"
        raise CalsignalError(f"{host} lacks what the address asks for (STARTTLS, or a sign-in)", hint) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        if all(400 <= code < 500 for code in codes):
            raise _later(host, min(codes)) from None
        raise CalsignalError(f"{host} refuses the recipient (code {max(codes)})", "check who it is sent to") from None
    except smtplib.SMTPResponseException as error:
        if 400 <= error.smtp_code < 500:
            raise _later(host, error.smtp_code) from None
        fact = f"{host} refuses the mail (code {error.smtp_code})"
        raise CalsignalError(fact, "check from= in the address, and what the server allows") from None
    except UnicodeError:
        raise CalsignalError(f"{host} cannot write to such an address", "use one of plain letters") from None
    except (smtplib.SMTPException, OSError):
        raise Retriable(f"{host} cannot be reached, or broke off", "check host and port of the address") from None


def _later(host: str, code: int) -> Retriable:
    return Retriable(f"{host} cannot take the mail now (code {code})", "try again later")
