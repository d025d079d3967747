# SPDX-License-Identifier: Apache-2.0
"""Web servers: nginx, and lighttpd which can wear the Server header of an appliance."""

import msgspec

from deploy.lab.daemons.keys import certificate
from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe, tcp

__all__ = ["Lighttpd", "Nginx", "Tls"]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A self-signed certificate; `old` speaks TLS 1.0 and 1.1 only, with RSA and weak ciphers."""

    name: str = ""
    organisation: str = "Self-Signed"
    alternatives: tuple[str, ...] = ()
    old: bool = False

    def files(self, place: Place, folder: str) -> tuple[File, File]:
        """Return key and certificate for this host."""
        pair = certificate(self.name or place.host, self.organisation, self.alternatives, use_rsa=self.old)
        return File(f"{folder}/key.pem", pair.key, 0o600), File(f"{folder}/cert.pem", pair.certificate)


class Nginx(Daemon, frozen=True, kw_only=True, tag="nginx"):
    """nginx with one page; announces its version unless `tokens` is off; `redirect` answers 302."""

    port: int = 80
    title: str = ""
    body: str = ""
    tokens: bool = True
    redirect: str = ""
    realm: str = ""
    allow: tuple[str, ...] = ()  # networks that get the page; the others get 403
    tls: Tls | None = None

    def recipe(self, place: Place) -> Recipe:
        """Return nginx in the foreground with its own prefix, so that several can run on one host."""
        folder = f"/etc/nginx/lab{self.port}"
        config = File(f"{folder}/nginx.conf", self._config(folder))
        page = File(f"{folder}/html/index.html", _page(self.title, self.body))
        secret = self.tls.files(place, folder) if self.tls else ()
        users = File(f"{folder}/users", "admin:!\n")
        command = ("nginx", "-c", config.path, "-g", "daemon off;")
        return Recipe((config, page, users, *secret), commands=(command,), ready=tcp(self.port))

    def _config(self, folder: str) -> str:
        inside = [f"listen {self.port}{' ssl' if self.tls else ''};", f"root {folder}/html;"]
        inside += [f"return 302 {self.redirect};"] if self.redirect else []
        inside += [f'auth_basic "{self.realm}"; auth_basic_user_file {folder}/users;'] if self.realm else []
        inside += [f"allow {network};" for network in self.allow]
        inside += ["deny all;"] if self.allow else []
        if self.tls:
            inside += [f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"]
            inside += (
                ["ssl_protocols TLSv1 TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;"] if self.tls.old else []
            )
        tokens = "on" if self.tokens else "off"
        return (
            f"user www-data; worker_processes 1; pid /run/nginx{self.port}.pid; error_log stderr;\n"
            "events { worker_connections 64; }\n"
            f"http {{ default_type text/html; charset utf-8; access_log off; server_tokens {tokens};\n"
            f"server {{ {' '.join(inside)} }} }}\n"
        )


class Lighttpd(Daemon, frozen=True, kw_only=True, tag="lighttpd"):
    """lighttpd with one page, any Server header (`server`), and perhaps a Basic realm as routers have it."""

    port: int = 80
    title: str = ""
    body: str = ""
    server: str = ""
    realm: str = ""
    tls: Tls | None = None

    def recipe(self, place: Place) -> Recipe:
        """Return lighttpd in the foreground."""
        folder = f"/etc/lighttpd/lab{self.port}"
        config = File(f"{folder}/lighttpd.conf", self._config(folder))
        page = File(f"{folder}/html/index.html", _page(self.title, self.body))
        secret = self.tls.files(place, folder) if self.tls else ()
        users = File(f"{folder}/users", "admin:never-used-in-the-lab\n")
        command = ("lighttpd", "-D", "-f", config.path)
        return Recipe((config, page, users, *secret), commands=(command,), ready=tcp(self.port))

    def _config(self, folder: str) -> str:
        lines = [f"server.port = {self.port}", f'server.document-root = "{folder}/html"']
        lines += [
            'index-file.names = ("index.html")',
            'mimetype.assign = (".html" => "text/html; charset=utf-8")',
        ]
        lines += ['server.username = "www-data"', 'server.groupname = "www-data"']
        lines += [f'server.tag = "{self.server}"'] if self.server else []
        modules = ["mod_openssl"] if self.tls else []
        if self.realm:
            modules += ["mod_auth", "mod_authn_file"]
            rule = f'"/" => ("method" => "basic", "realm" => "{self.realm}", "require" => "valid-user")'
            lines += ['auth.backend = "plain"', f'auth.backend.plain.userfile = "{folder}/users"']
            lines += [f"auth.require = ({rule})"]
        lines += self._tls_lines(folder) if self.tls else []
        lines += ["server.modules += (" + ", ".join(f'"{name}"' for name in modules) + ")"] if modules else []
        return "\n".join(lines) + "\n"

    def _tls_lines(self, folder: str) -> list[str]:
        lines = [
            'ssl.engine = "enable"',
            f'ssl.pemfile = "{folder}/cert.pem"',
            f'ssl.privkey = "{folder}/key.pem"',
        ]
        if self.tls and self.tls.old:
            limits = '"MinProtocol" => "TLSv1", "MaxProtocol" => "TLSv1.1", "CipherString" => "DEFAULT:@SECLEVEL=0"'
            lines += [f"ssl.openssl.ssl-conf-cmd = ({limits})"]
        return lines


def _page(title: str, body: str) -> str:
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{body}</body></html>\n"
