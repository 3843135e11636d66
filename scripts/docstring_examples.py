"""Lets the documentation read `Example:` in a docstring as `Examples:`, by which its parser knows doctests."""

import re
from typing import Any

import griffe


class DocstringExamples(griffe.Extension):
    """Renames the section when an object is loaded."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: Any) -> None:
        """Rename the section of one object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
