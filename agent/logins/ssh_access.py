# SPDX-License-Identifier: Apache-2.0
"""The site's login for one host; the SSH library is loaded when somebody logs in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.logins.ssh_book import CREDENTIAL_REFUSED, SshBook
from agent.ssh_settings import SshSecret
from agent.tunnel import Carrier
from probes.contract import HeldBack, Mark

if TYPE_CHECKING:
    from agent.logins.ssh import SshLogin


@dataclass(slots=True)
class SshAccess:
    """The site's login for one host, and the book in which its refusals and keys stand."""

    secret: SshSecret
    book: SshBook

    def check(self, address: str) -> None:
        """Raise HeldBack if this credential must not be sent to this device (again)."""
        if not self.book.may_try(self.secret, address):
            raise HeldBack(CREDENTIAL_REFUSED)

    async def open(self, carrier: Carrier, address: str, note: Callable[[Mark, bytes], None]) -> "SshLogin":
        """Log in through a connection that stands; raises HeldBack, Refused, Silent, Closed, OurFault."""
        from agent.logins.ssh import SshLogin  # noqa: PLC0415 - it costs every scan that logs in nowhere

        login = SshLogin(self.secret, address, note)
        async with self.book.turn(self.secret):
            self.check(address)
            try:
                await login.enter(carrier, self.book)
            except BaseException:
                await login.close()
                raise
        return login
