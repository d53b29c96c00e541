"""Addresses of databases, as SQLAlchemy writes them; a password is in an environment variable, never in the address."""

import os
import re

from pipelines.runtime.user_error import UserError

_SCHEME_PATTERN = re.compile(r"([a-zA-Z][a-zA-Z0-9+._-]*)://")
_VARIABLE_PATTERN = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME_PATTERN = re.compile(r"(?i)pass|pwd|secret|token|key")  # of a setting behind the ? of an address
_PASSWORD_PATTERN = re.compile(r"(://[^\s:/@]*:)([^\s]+)@")
_SECRET_PAIR_PATTERN = re.compile(r"(?i)([?&;][^=\s]*(?:pass|pwd|secret|token|key)[^=\s]*=)[^&;\s'\"]+")
FILE_SCHEMES = frozenset({"http", "https"})  # of files that are fetched, not of databases


def is_database_address(location: str) -> bool:
    """Whether a location is the address of a database: postgresql://..., or an environment variable that holds one."""
    scheme = _SCHEME_PATTERN.match(location)
    if scheme is None:
        return _VARIABLE_PATTERN.fullmatch(location) is not None
    return scheme[1].lower() not in FILE_SCHEMES


def check_no_password(location: str) -> str:
    """The address, if no password stands in it.

    Raises:
        ValueError: one does. The sentence does not repeat it.
    """
    if not is_database_address(location) or _VARIABLE_PATTERN.fullmatch(location):
        return location
    user, separator, _ = location.partition("://")[2].rpartition("@")
    password = user.partition(":")[2] if separator else ""
    pairs = [pair.partition("=") for pair in re.split("[?&;]", location)[1:]]
    secrets = [password, *(value for name, _, value in pairs if _SECRET_NAME_PATTERN.search(name))]
    if all(not secret or _VARIABLE_PATTERN.fullmatch(secret) for secret in secrets):
        return location
    raise ValueError(
        "a password must not stand in an address, because it would be kept with the results: put it into an "
        "environment variable and write ${NAME} in its place, as in postgresql://me:${SHOP_PASSWORD}@host/shop (a @ "
        "elsewhere in an address is written %40)"
    )


def fill_variables(location: str) -> str:
    """The address with the values of its environment variables; keep it to the call that connects.

    Raises:
        UserError: a variable is not set.
    """
    for name in _VARIABLE_PATTERN.findall(location):
        if name not in os.environ:
            raise UserError(f"{location}: the environment variable {name} is not set; export {name}=... and run again")
    if _VARIABLE_PATTERN.fullmatch(location):
        return os.environ[location[2:-1]]
    from urllib.parse import quote

    return _VARIABLE_PATTERN.sub(lambda found: quote(os.environ[found[1]], safe=""), location)


def redact(text: str, location: str = "") -> str:
    """A message without the values of the address's environment variables, and without any password in an address."""
    from urllib.parse import quote, unquote

    values = {os.environ.get(name, "") for name in _VARIABLE_PATTERN.findall(location)}
    values |= {password for value in values for _, password in _PASSWORD_PATTERN.findall(value)}
    hidden = {form for value in values for form in (value, quote(value, safe=""), unquote(value)) if form}
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, "***")
    return _SECRET_PAIR_PATTERN.sub(r"\1***", _PASSWORD_PATTERN.sub(r"\1***@", text))
