# SPDX-License-Identifier: Apache-2.0
"""Who makes an operating system, by its name. Pure."""

_MAKERS = (
    ("windows", "Microsoft"), ("hyper-v", "Microsoft"), ("debian", "Debian"), ("ubuntu", "Ubuntu"), ("centos", "CentOS"),
    ("red hat", "Red Hat"), ("rhel", "Red Hat"), ("fedora", "Red Hat"), ("suse", "SUSE"), ("solaris", "Sun"), ("sunos", "Sun"),
    ("freebsd", "FreeBSD"), ("netbsd", "NetBSD"), ("openbsd", "OpenBSD"), ("mac os", "Apple"), ("macos", "Apple"),
    ("ios", "Apple"), ("hp-ux", "HP"), ("tru64", "HP"), ("aix", "IBM"), ("vxworks", "Wind River"), ("sco", "SCO"), ("unixware", "SCO"), ("netware", "Novell"),
    ("irix", "SGI"), ("esx", "VMware"), ("linux", "Linux"), ("qnx", "QNX"), ("gentoo", "Gentoo"), ("amazon", "Amazon"),
    ("almalinux", "AlmaLinux"), ("rocky", "Rocky"), ("oracle", "Oracle"), ("mandr", "Mandriva"), ("raspbian", "Raspbian"),
    ("osf", "DEC"), ("openvms", "HP"), ("ultrix", "DEC"), ("chrome os", "Google"), ("android", "Google"), ("cisco", "Cisco"), ("junos", "Juniper"),
)  # fmt: skip


def system_maker(system: str | None) -> str | None:
    """Give who makes the operating system, None if we do not know."""
    low = (system or "").lower()
    return next((maker for begin, maker in _MAKERS if low.startswith(begin)), None)
