# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy.lab.postgres COMMAND …`: runs a command beside a real PostgreSQL that leaves nothing behind.

The server comes from the lab's root file system, runs in namespaces of its own without any
network, writes to memory, and is reached by a Unix socket in a temporary folder. The command
finds it in the variable DAICHO_TEST_POSTGRES, as a role that is no superuser, as the collector wants it: a superuser is
not bound by row-level security, and what that costs would go unmeasured. Needs root.

DAICHO_LAB_POSTGRES_AT=FOLDER, an empty folder or one of an earlier run, keeps the data there instead of in memory.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from deploy.lab import rootfs
from deploy.lab.errors import LabError, LabUnavailable

VARIABLE = "DAICHO_TEST_POSTGRES"
SIZE = "DAICHO_LAB_POSTGRES_SIZE"  # of its disk in memory: 1g unless this says otherwise
KEPT = "DAICHO_LAB_POSTGRES_AT"  # a folder for its data, which stays; in memory unless this says one
_READY_WITHIN = 120.0
_ROLE = "daicho"
_MAKE_ROLE = (  # it may make databases and roles for tests
    f"CREATE ROLE {_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB CREATEROLE",
    f"ALTER DATABASE postgres OWNER TO {_ROLE}",
)
_SCRIPT = r"""
set -eu
root=$1 sockets=$2 scratch=$3 again=$4 size=$5 kept=$6
mount -t tmpfs -o size=$size,mode=755 none "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/merged"
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" none "$scratch/merged"
cd "$scratch/merged"
mount -t proc none proc
mount --rbind /dev dev
mkdir -p run/sockets run/data
mount --bind "$sockets" run/sockets
[ -z "$kept" ] || mount --bind "$kept" run/data
chown 0:0 . ; chroot . chown postgres run/sockets run/data
bin=$(echo usr/lib/postgresql/*/bin)
as() { chroot . setpriv --reuid=postgres --regid=postgres --clear-groups env -i PATH=/usr/bin:/bin LC_ALL=C "$@"; }
[ -e run/data/PG_VERSION ] || as "/$bin/initdb" -D /run/data -A trust -E UTF8 --no-locale -U postgres >/dev/null
# Not exec: a change of user clears the parent-death signal, and this shell must die with its parent.
while :; do
as "/$bin/postgres" -D /run/data -k /run/sockets -c listen_addresses= -c max_connections=60 -c log_min_messages=fatal 2>/dev/null &
wait || :
[ "$again" = again ] || exit 0
sleep 0.2
done
"""


@contextmanager
def server() -> Iterator[str]:
    """Run a PostgreSQL; gives its SQLAlchemy URL. Raises LabUnavailable."""
    with _running("once") as (_, url):
        yield url


class Restarting:
    """A PostgreSQL that comes up again when it is killed, on the same data."""

    def __init__(self, shell: int, url: str) -> None:
        self._shell, self.url = shell, url

    def kill(self) -> bool:
        """End every process of the server by SIGKILL; False if there was none."""
        found = self._processes()
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return bool(found)

    def data(self) -> Path | None:
        """Give its data folder as seen from here; None while it does not run."""
        first = next(iter(self._processes()), None)
        return None if first is None else Path(f"/proc/{first}/root/run/data")

    def _processes(self) -> list[int]:
        """Give the server's processes: what stands below our shell and is called postgres."""
        parents, names = dict[int, int](), dict[int, str]()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError, IndexError, ValueError):
                    head, _, rest = (entry / "stat").read_text("utf-8", "replace").rpartition(")")
                    names[int(entry.name)] = head.partition("(")[2]
                    parents[int(entry.name)] = int(rest.split()[1])
        return sorted(id for id, name in names.items() if name == "postgres" and self._ours(id, parents))

    def _ours(self, id: int, parents: dict[int, int]) -> bool:
        while id in parents:
            if id == self._shell:
                return True
            id = parents[id]
        return False


@contextmanager
def restarting() -> Iterator[Restarting]:
    """Run a PostgreSQL that may be killed and comes up again. Raises LabUnavailable."""
    with _running("again") as (shell, url):
        yield Restarting(shell, url)


@contextmanager
def _running(again: str) -> Iterator[tuple[int, str]]:
    root = rootfs.existing() or rootfs.build(_say)
    size, kept = os.environ.get(SIZE, "1g"), os.environ.get(KEPT, "")
    with tempfile.TemporaryDirectory() as sockets, tempfile.TemporaryDirectory() as scratch:
        Path(sockets).chmod(0o755)
        namespaces = ["unshare", "--mount", "--pid", "--ipc", "--net", "--fork", "--kill-child"]
        script = ["sh", "-c", _SCRIPT, "postgres", str(root), sockets, scratch, again, size, kept]
        process = subprocess.Popen(
            [*namespaces, *script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            _await(process, sockets)
            yield process.pid, f"postgresql+psycopg://{_ROLE}@/postgres?host={sockets}"
        finally:
            process.kill()  # with unshare its whole pid namespace ends; what is kept is as after a power cut
            process.wait(timeout=30)


def _await(process: "subprocess.Popen[bytes]", sockets: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with psycopg.connect(host=sockets, user="postgres", dbname="postgres") as connection:
                _make_role(connection)
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise LabUnavailable(
        "PostgreSQL を始められませんでした。root で実行しているか、空きメモリがあるかを確かめてください。"
        " / PostgreSQL did not start. Check that this runs as root and that there is memory left."
    )


def _make_role(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (_ROLE,)).fetchone() is None:
        for order in _MAKE_ROLE:
            connection.execute(order.encode())


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main(command: list[str]) -> int:
    """Run the command with the server's URL in its environment; gives its exit code."""
    try:
        with server() as url:
            return subprocess.run(command, env={**os.environ, VARIABLE: url}, check=False).returncode
    except LabError as error:
        _say(str(error))
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
