"""Names of uploaded files as the user wrote them: an asset is uploaded under its hash."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HASH = re.compile(r"[0-9a-f]{64}")
# Where the file is, its hash, and what its name ends with, such as `.py` or `.tar.gz`.
_UPLOADED = re.compile(rf"(?:(?P<uri>s3\w?://[^\s'\"]*/)|(?:/[\w.-]+)*/)?\b(?P<hash>{_HASH.pattern})\b(?:\.\w+){{0,2}}")


def as_written(text: str, names: Mapping[str, str]) -> str:
    """The text with the user's names of uploaded files; a URI is kept, as it says where the file is looked for.

    Args:
        text: A line of a log, or the details of a state.
        names: The user's name by the first digits of the hash.
    """
    # The search for where a file is takes long in a long text.
    if not names or not _HASH.search(text):
        return text
    digits = len(next(iter(names)))

    def written(match: re.Match[str]) -> str:
        name = names.get(match["hash"][:digits])
        if name is None:
            return match.group()
        return f"{match.group()} ({name})" if match["uri"] else name

    return _UPLOADED.sub(written, text)
