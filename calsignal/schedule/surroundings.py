"""What a scheduler gives to what it runs, and what has to be carried there from here. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from calsignal.errors import InputError

_CARRIED = frozenset(
    """
    HOME XDG_CONFIG_HOME XDG_DATA_HOME SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PGPASSFILE PGSERVICE
    PGSERVICEFILE PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSSLMODE PGSSLROOTCERT PGSSLCERT PGSSLKEY
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
    """.split()
)
_OURS = "CALSIGNAL_"
_GIVEN = frozenset({"CALSIGNAL_CONFIG", "CALSIGNAL_DEBUG"})  # the config file is an argument of the run
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|_KEY$")
_SECRET_VALUE = re.compile(r"://[^/\s]*:[^/\s]*@|[?&]password=", re.IGNORECASE)
_WINDOWS = frozenset(
    """
    ALLUSERSPROFILE APPDATA COMPUTERNAME COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA NUMBER_OF_PROCESSORS OS PATH PATHEXT
    PROGRAMDATA PROGRAMFILES SYSTEMDRIVE SYSTEMROOT TEMP TMP USERDOMAIN USERNAME USERPROFILE WINDIR
    """.split()
)


def bare(environ: Mapping[str, str], *, windows: bool, home: str, user: str) -> dict[str, str]:
    """Return what the barest scheduler gives: cron's few, without a session's bus, keyring or settings.

    `home` and `user` are those of the system's list of users.
    """
    if windows:
        return {name: value for name, value in environ.items() if name.upper() in _WINDOWS}
    return {"HOME": home, "LOGNAME": user, "USER": user, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}


def carried(environ: Mapping[str, str], given: Mapping[str, str], kept: Iterable[str]) -> dict[str, str]:
    """Return the variables that the run needs and its scheduler does not give; none of them is a secret.

    `given` is what the scheduler gives, `kept` are the names in the environment file.

    Raises:
        InputError: one is a secret, and the file does not have it.
    """
    missing = {
        name: value
        for name, value in sorted(environ.items())
        if value and _is_needed(name) and given.get(name) != value and name not in set(kept)
    }
    for name, value in missing.items():
        if _SECRET_NAME.search(name) or _SECRET_VALUE.search(value):
            hint = "write it as NAME=VALUE into a file of your own, `chmod 600` that, and add --env-file FILE"
            raise InputError(f"{name} is set here, and a secret has no place in a schedule", hint)
    return missing


def _is_needed(name: str) -> bool:
    return name in _CARRIED or (name.startswith(_OURS) and name not in _GIVEN)


def read_file(text: str) -> dict[str, str]:
    """Return the variables of an environment file: `NAME=VALUE` a line, `#` before a remark; quotes around go.

    Raises:
        InputError: a line is none of these; it is not quoted, but counted.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise InputError(f"line {number} of the environment file is no NAME=VALUE", "mend that line")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        found[name] = value[1:-1] if quoted else value
    return found
