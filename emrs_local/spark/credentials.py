"""The temporary credentials of an execution role."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What `sts:AssumeRole` returned; the secret parts stay out of `repr`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
