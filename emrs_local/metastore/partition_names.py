"""The names of partitions: `day=2026-01-01/region=eu%2Fwest`.

As Hive writes them: `FileUtils.makePartName` of https://github.com/apache/hive/tree/rel/release-2.3.9.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

_ESCAPED: Final = re.compile(r"""[\x01-\x1f"#%'*/:=?\\\x7f{\[\]^]""")


def partition_name(keys: Sequence[str], values: Sequence[str]) -> str:
    """The name of a partition."""
    return "/".join(f"{_escape(key)}={_escape(value)}" for key, value in zip(keys, values, strict=True))


def partition_values(name: str) -> list[str]:
    """The values in the name of a partition."""
    return [unquote(part.partition("=")[2]) for part in name.split("/")]


def _escape(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", text)
