# SPDX-License-Identifier: Apache-2.0
"""A notice as mail (RFC 5322) over SMTP with TLS (RFC 3207, RFC 8314); unencrypted to this machine only."""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from collector.notices.wording import Letter
from collector.sections import Mail, read_secret

TIMEOUT = 20.0  # seconds without an answer


class NotSent(Exception):
    """A message did not go out; the text is a kind of failure, without anything the other side said."""


def make_mail(letter: Letter, id: str, made: datetime, mail: Mail, to: tuple[str, ...]) -> EmailMessage:
    """Make the mail; the same message always has the same Message-ID."""
    message = EmailMessage(SMTP)
    message["Subject"] = letter.title
    message["From"] = mail.sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(made)
    message["Message-ID"] = f"<{id}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence notice answers it
    message.set_content(letter.text)
    return message


def send_mail(message: EmailMessage, mail: Mail) -> None:
    """Hand the mail to the server of the settings; raises NotSent."""
    try:
        with _connect(mail) as server:
            if mail.user:
                server.login(mail.user, read_secret(mail.password_file))
            refused = server.send_message(message)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotSent(_kind(error)) from error
    if refused:
        raise NotSent(f"{len(refused)} readers refused")


def check_server(mail: Mail) -> None:
    """See whether the server answers, shows a good certificate and lets us in; sends no mail. Raises NotSent."""
    try:
        with _connect(mail) as server:
            if mail.user:
                server.login(mail.user, read_secret(mail.password_file))
            server.noop()
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotSent(_kind(error)) from error


def _connect(mail: Mail) -> smtplib.SMTP:
    if mail.security == "tls":
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT, context=_context(mail))
    server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT)
    try:
        if mail.security == "starttls":
            server.starttls(context=_context(mail))
    except BaseException:
        server.close()
        raise
    return server


def _context(mail: Mail) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=mail.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _kind(error: Exception) -> str:
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()
