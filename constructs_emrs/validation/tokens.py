"""Tells CDK tokens from values without asking the jsii kernel, which takes a round trip to Node.js for each question.

Source: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
"""

import re
from typing import Any

LATER = "${Token[…]}"
"""How messages show what is known at deployment only, which the CDK numbers."""

_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_PIECES = re.compile(rf"({_TOKEN.pattern})")
# What the CDK puts in place of a value that it has yet to look up: the CLI does so after a synth that succeeds.
_DUMMY = "dummy-value-for-"
_STRING = "${Token["
_LIST = "#{Token["
# Numeric tokens are encoded as huge negative numbers, which nobody writes.
_NUMBER = -1e100


def is_token(value: Any) -> bool:
    """Whether the value is known only at deployment, or only at a later synth, in whole or in part."""
    match value:
        case str():
            return _STRING in value or is_looked_up_later(value)
        case bool():
            return False
        case int() | float():
            return value < _NUMBER
        case [str(item)]:
            return _LIST in item
        case dict() | list() | tuple() | None:
            return False
        case _:
            return hasattr(value, "resolve")


def is_looked_up_later(value: str) -> bool:
    """Whether the CDK has yet to look up the value, which is then no token but a text that says so."""
    return _DUMMY in value


def pieces_of(text: str) -> list[str]:
    """The text taken apart into tokens and what is written between them."""
    return [piece for piece in _PIECES.split(text) if piece]


def without_tokens(text: str, word: str = "token") -> str:
    """The text with a word for each token in it, which stands for a name, a URI or an ARN."""
    return _TOKEN.sub(word, text)
