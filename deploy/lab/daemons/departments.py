# SPDX-License-Identifier: Apache-2.0
"""What departments run: DICOM listeners, databases, printing by IPP."""

from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe, tcp

__all__ = ["Cups", "Dicom", "Postgres"]


class Dicom(Daemon, frozen=True, kw_only=True, tag="dicom"):
    """dcmtk's storescp: one DICOM listener with this AE title."""

    ae_title: str
    port: int = 11112

    def recipe(self, place: Place) -> Recipe:
        """Return storescp, which writes what it would get to a folder of its own."""
        folder = f"/var/spool/dicom{self.port}"
        command = ("storescp", "--aetitle", self.ae_title, "--output-directory", folder, str(self.port))
        return Recipe(before=(("mkdir", "-p", folder),), commands=(command,), ready=tcp(self.port))


class Postgres(Daemon, frozen=True, kw_only=True, tag="postgres"):
    """PostgreSQL on every address, password logins only, no user but its own."""

    port: int = 5432

    def recipe(self, place: Place) -> Recipe:
        """Return postgres on a cluster made from scratch, without fsync."""
        folder, owner = "/var/lib/postgresql/lab", "postgres"
        programs = "/usr/lib/postgresql/15/bin"
        as_owner = ("setpriv", "--reuid", owner, "--regid", owner, "--clear-groups")
        make = (
            ("install", "-d", "-o", owner, "-g", owner, "-m", "700", folder, "/run/postgresql"),
            (*as_owner, f"{programs}/initdb", "-D", folder, "-N", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
             "--pwfile=/etc/lab/pgpass", "--no-instructions", "--wal-segsize=1"),
        )  # fmt: skip
        settings = ("-c", "listen_addresses=*", "-c", "fsync=off", "-c", "shared_buffers=4MB")
        command = (*as_owner, f"{programs}/postgres", "-D", folder, "-p", str(self.port), *settings)
        secret = File("/etc/lab/pgpass", "lab-only\n", 0o644)
        return Recipe((secret,), make, (command,), ready=tcp(self.port))


class Cups(Daemon, frozen=True, kw_only=True, tag="cups"):
    """CUPS without a printer: answers IPP and its own pages on 631."""

    port: int = 631

    def recipe(self, place: Place) -> Recipe:
        """Return cupsd in the foreground."""
        text = f"Listen *:{self.port}\nServerAlias *\n<Location />\n  Order allow,deny\n  Allow all\n</Location>\n"
        config = File("/etc/cups/lab.conf", text)
        make = (("mkdir", "-p", "/run/cups/certs"),)
        return Recipe((config,), make, (("cupsd", "-f", "-c", config.path),), ready=tcp(self.port))
