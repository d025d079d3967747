# SPDX-License-Identifier: Apache-2.0
"""The address under which people open the pages: what a link on the console begins with."""

from collector.sections import is_loopback
from collector.settings import Settings


def page_address(settings: Settings) -> str:
    """Give it with a slash at its end; behind a proxy the first of `host_names`, as the proxy shows it."""
    if settings.behind_proxy and settings.host_names:
        return f"https://{settings.host_names[0]}/"
    plain = is_loopback(settings.host) and not settings.tls.certificate
    anywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    name = settings.host_names[0] if anywhere and settings.host_names else settings.host
    host = f"[{name}]" if ":" in name else name
    return f"{'http' if plain else 'https'}://{host}:{settings.port}/"
