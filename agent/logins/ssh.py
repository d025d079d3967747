# SPDX-License-Identifier: Apache-2.0
"""A login by SSH on asyncssh: one attempt, a pinned host key, and only the commands of the device's family.

Sources: RFC 4252 (authentication), RFC 4254 (exec and shell channels). The library never sees the network: its
bytes go through a tunnel behind the host's door. No error or note of ours holds a secret.
"""

import asyncio
import contextlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from cryptography.utils import CryptographyDeprecationWarning

from agent.logins.ssh_book import CREDENTIAL_REFUSED, SshBook
from agent.ssh_settings import SshSecret
from agent.tunnel import Carrier, Tunnel
from probes.contract import Closed, HeldBack, Mark, OurFault, Refused, Silent, WireError
from probes.device_commands import FAMILIES, MOST_COMMANDS

LOGIN_SECONDS, COMMAND_SECONDS = 30.0, 20.0  # waits for our own pace included
_QUIET_SECONDS = 0.4
MOST_OUTPUT = 48 * 1024  # bytes of one command
_MOST_PAGES = 20
_OLD = {
    "kex_algs": "+diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1",
    "encryption_algs": "+aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc",
    "mac_algs": "+hmac-sha1,hmac-md5",
    "server_host_key_algs": "+ssh-rsa,ssh-dss",
    "signature_algs": "+ssh-rsa,ssh-dss",
}
_CHANGED = (
    "host_key_changed: 前回と違うホスト鍵を示したので、ログインしません。機器を替えたのなら状態フォルダーの ssh.json から消してください"
    " / it shows another host key than before, so nobody logs in; if the device was replaced, remove it from ssh.json"
)
_NO_ALGORITHM = (
    "no_common_algorithm: 暗号方式が合いません。古い機器なら [[ssh]] に old_algorithms = true と書いてください"
    " / no algorithm in common; for an old device write old_algorithms = true"
)
_NO_METHOD = (
    "no_method: 機器は院の認証情報の種類（パスワードか鍵）を受け付けません"
    " / the device takes no credential of this kind (password or key)"
)
_NOT_LISTED = "not_listed: 一覧にない命令です / the command is not on the list"
_PAGER = re.compile(rb"(?:-{1,3} ?[Mm]ore ?-{0,3}|<--- More --->|[Pp]ress any key[^\n]*)[^\n]*$")
_PROMPT = re.compile(rb"[^\r\n]{1,80}[>#$%\]] ?$")
Note = Callable[[Mark, bytes], None]


class _Client(asyncssh.SSHClient):
    """Answers the server's wish for a credential once, whatever it offers."""

    def __init__(self, secret: SshSecret, knows: Callable[[str], bool]) -> None:
        self._secret, self._knows = secret, knows
        self.tried = False
        self.key = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.key = f"{key.get_algorithm()} {key.get_fingerprint()}"
        return self._knows(self.key)

    def public_key_auth_requested(self) -> asyncssh.SSHKey | None:
        if self.tried or not self._secret.key_file:
            return None
        self.tried = True
        return asyncssh.read_private_key(str(Path(self._secret.key_file).expanduser()))

    def password_auth_requested(self) -> str | None:
        if self.tried or not self._secret.password:
            return None
        self.tried = True
        return self._secret.password

    def kbdint_auth_requested(self) -> str | None:
        return None if self.tried or not self._secret.password else ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if not prompts:
            return []
        if self.tried or len(prompts) != 1:
            return None
        self.tried = True
        return [self._secret.password]


@dataclass(slots=True)
class SshLogin:
    """One login, as probes.contract.CommandSession."""

    secret: SshSecret
    address: str
    note: Note
    _tunnel: Tunnel = field(default_factory=Tunnel)
    _connection: asyncssh.SSHClientConnection | None = None
    _shell: "asyncssh.SSHClientProcess[bytes] | None" = None
    _prompt: bytes = b""
    _given: int = 0

    @property
    def family(self) -> str:
        """The family that the site named."""
        return self.secret.family

    async def enter(self, carrier: Carrier, book: SshBook) -> None:
        """Exchange keys and log in; what came of it goes into the book."""
        if self.secret.old_algorithms:  # the site knows; the library's own words would be for programmers
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="asyncssh")
            warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning, module="asyncssh")
        client = _Client(self.secret, lambda key: book.knows(self.address, self.secret.port, key))
        options = asyncssh.SSHClientConnectionOptions(
            config=None,
            known_hosts=b"#",  # nobody is known beforehand: the client is asked
            username=self.secret.user,
            client_keys=[],
            agent_path=None,
            preferred_auth=("publickey", "password", "keyboard-interactive"),
            login_timeout=LOGIN_SECONDS,
            compression_algs=None,
            gss_auth=False,
            gss_kex=False,
            **(_OLD if self.secret.old_algorithms else {}),
        )
        try:
            with self._translating(client):
                sock = self._tunnel.open(carrier)
                self._connection, _ = await asyncssh.create_connection(
                    lambda: client, self.address, sock=sock, options=options
                )
        except (Refused, Closed):  # a device that hangs up on a credential has turned it down
            if client.tried and not isinstance(self._tunnel.why, Closed):
                book.refused(self.secret, self.address)
            raise
        book.pin(self.address, self.secret.port, client.key)
        book.accepted(self.secret, self.address)
        self.note("~", f"ssh.family {self.family}".encode())
        self.note("~", f"ssh.host_key {client.key}".encode())

    async def run(self, command: str) -> bytes:
        """Give one command of the list; raises HeldBack for any other, Silent, Closed, Refused."""
        if command not in FAMILIES[self.family].commands or self._given >= MOST_COMMANDS:
            raise HeldBack(_NOT_LISTED)
        self._given += 1
        try:
            with self._translating():
                output = await self._give(command)
        except (
            WireError,
            asyncio.CancelledError,
        ):  # it goes through a tunnel, and may have been cut off there
            self.note("~", b"perhaps not sent: " + command.encode())
            raise
        self.note(">", command.encode())
        self.note("<", output)
        return output

    async def _give(self, command: str) -> bytes:
        async with asyncio.timeout(COMMAND_SECONDS):
            if FAMILIES[self.family].shell:
                return await self._type(command)
            return await self._execute(command)

    async def _execute(self, command: str) -> bytes:
        output = bytearray()
        async with self._live().create_process(command, encoding=None, stdin=asyncssh.DEVNULL) as process:
            while len(output) < MOST_OUTPUT and (part := await process.stdout.read(4096)):
                output += part
            process.close()
        return bytes(output[:MOST_OUTPUT])

    async def _type(self, command: str) -> bytes:
        shell = self._shell or await self._open_shell()
        return await self._answer(shell, command.encode())

    def _live(self) -> asyncssh.SSHClientConnection:
        if self._connection is None:
            raise Closed("not logged in")
        return self._connection

    async def _open_shell(self) -> "asyncssh.SSHClientProcess[bytes]":
        self._shell = shell = await self._live().create_process(
            encoding=None, term_type="vt100", term_size=(200, 500), stderr=asyncssh.STDOUT
        )
        greeting = b""
        while not _PROMPT.search(greeting):
            greeting += await self._read_until(shell, lambda text: _PROMPT.search(text) is not None)
            greeting += await _rest_of(shell)  # a banner may have lines that look like a prompt
        self._prompt = _last_line(greeting)
        if quiet := FAMILIES[self.family].quiet:
            await self._answer(shell, quiet.encode())
        return shell

    async def _answer(self, shell: "asyncssh.SSHClientProcess[bytes]", command: bytes) -> bytes:
        """Type a line and give what is shown until the prompt stands there again, without echo and prompt."""
        shell.stdin.write(command + b"\n")
        shown = await self._read_until(shell, lambda text: _last_line(text) == self._prompt)
        body = shown[: shown.rfind(self._prompt)]
        return body.partition(b"\n")[2] if command in body.partition(b"\n")[0] else body

    async def _read_until(
        self, shell: "asyncssh.SSHClientProcess[bytes]", ends: Callable[[bytes], bool]
    ) -> bytes:
        shown, pages = bytearray(), 0
        while not ends(bytes(shown[-400:])):
            part = await shell.stdout.read(4096)
            if not part or len(shown) > MOST_OUTPUT:
                raise Closed("the shell ended, or shows more than we read")
            shown += part
            if _PAGER.search(shown[-200:]) and pages < _MOST_PAGES:
                pages += 1
                del shown[shown.rfind(b"\n") + 1 :]
                shell.stdin.write(b" ")
        return bytes(shown)

    async def close(self) -> None:
        """End the login in order, then the tunnel."""
        if self._connection is not None:
            self._connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._connection.wait_closed()
            self._connection = None
        await self._tunnel.close()

    @contextlib.contextmanager
    def _translating(self, client: _Client | None = None) -> Iterator[None]:
        """Raise what ended the tunnel, else what the library's error means."""
        try:
            with _translated(client):
                yield
        except (Closed, Silent, Refused) as error:
            if self._tunnel.why is not None:
                raise self._tunnel.why from error
            raise


def _last_line(text: bytes) -> bytes:
    return text.replace(b"\r", b"\n").rpartition(b"\n")[2].strip()


async def _rest_of(shell: "asyncssh.SSHClientProcess[bytes]") -> bytes:
    """Give what still comes before it is quiet for a moment."""
    more = b""
    while len(more) < MOST_OUTPUT:
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                part = await shell.stdout.read(4096)
        except TimeoutError:
            break
        if not part:
            raise Closed("the shell ended")
        more += part
    return more


@contextlib.contextmanager
def _translated(client: _Client | None) -> Iterator[None]:
    try:
        yield
    except asyncssh.PermissionDenied as error:
        raise Refused(CREDENTIAL_REFUSED if client is not None and client.tried else _NO_METHOD) from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise HeldBack(_CHANGED) from error
    except asyncssh.KeyExchangeFailed as error:
        raise Refused(_NO_ALGORITHM) from error
    except TimeoutError as error:
        raise Silent("no end of the answer within the deadline") from error
    except (asyncssh.KeyImportError, ValueError) as error:
        raise OurFault("the private key of the site cannot be read") from error
    except (asyncssh.Error, ConnectionError) as error:
        raise Closed("the SSH connection ended early") from error
    except OSError as error:
        raise OurFault(f"ssh: {error.strerror}") from error
