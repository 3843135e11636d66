r"""Words as the service reads them from one string: `sparkSubmitParameters`, or `parameters` of Hive.

The service is no shell, and how it splits is not documented. What has been seen: white space separates; double quotes
around a value group and go away, backslashes inside of them stay, and `\"` does not end them
(https://github.com/opensearch-project/opensearch-spark/pull/306, https://github.com/opensearch-project/sql/pull/2565).
No public request has single quotes. So a word gets quotes only if it needs them, always double ones, and what these are
not known to carry is not written.
"""

import re
from collections.abc import Sequence

from ..validation.tokens import without_tokens

# What is known at deployment only stands for a name, a URI or an ARN, which need no quotes.
_NEEDS_QUOTES = re.compile(r"""[\s"'\\\0]""")
_SHOWN = 20
_PART = re.compile(r'[^\s"\']+|"((?:[^"\\]|\\.)*)"', re.DOTALL)


class UnknownReadingError(ValueError):
    """Nobody knows how the service reads the parameters."""


def needs_quotes(text: str) -> bool:
    """Whether the text would be split, or might be changed, as it is."""
    return _NEEDS_QUOTES.search(without_tokens(text)) is not None


def can_be_quoted(text: str) -> bool:
    """Whether double quotes are known to carry the text: without such quotes, and no backslash before the last.

    No process takes a NUL character, and Spark's own scripts remove carriage returns:
    https://github.com/apache/spark/blob/v3.5.6/bin/spark-class
    """
    plain = without_tokens(text)
    return not set(plain) & {'"', "\0", "\r"} and not plain.endswith("\\")


def quoted(text: str) -> str:
    """The text as it is written, in double quotes if it needs them and can have them."""
    return f'"{text}"' if needs_quotes(text) else text


def setting(name: str, value: str) -> str:
    """A property or variable with its value, of which the value alone is quoted: the form that was seen to work."""
    return f"{name}={quoted(value)}"


def split(parameters: str) -> Sequence[str]:
    """The words that the service reads.

    Raises:
        UnknownReadingError: There is a single quote outside of double quotes.
        ValueError: A double quote is not closed.
    """
    words: list[str] = []
    end_of_last, position = -1, 0
    while position < len(parameters):
        if parameters[position].isspace():
            position += 1
            continue
        part = _PART.match(parameters, position)
        if part is None:
            rest = parameters[position : position + _SHOWN]
            if parameters[position] == "'":
                raise UnknownReadingError(
                    f"it is not known how the service reads the single quote at the start of {rest}"
                )
            raise ValueError(f"the double quote at the start of {rest} is not closed")
        text = part[0] if part[1] is None else part[1]
        if position == end_of_last:
            words[-1] += text
        else:
            words.append(text)
        end_of_last = position = part.end()
    return words
