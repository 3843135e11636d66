"""The expressions that choose partitions: `year = 2026 AND (region = 'eu' OR region LIKE 'us-%')`.

https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html has the operators and the types of the keys.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Predicate = Callable[[Sequence[str]], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")
    |(?P<number>-?\d+(?:\.\d+)?)
    |(?P<name>`[^`]+`|[A-Za-z_]\w*)
    |(?P<sign><=>|<=|>=|<>|!=|=|<|>|\(|\)|,))""",
    re.VERBOSE,
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NUMBERS = re.compile(r"(tiny|small|big)?int|long|integer|decimal.*", re.IGNORECASE)
_NULL = "__HIVE_DEFAULT_PARTITION__"


def predicate(expression: str, keys: Sequence[Mapping[str, Any]]) -> Predicate:
    """What an expression says of the values of a partition.

    Args:
        expression: The expression; an empty one chooses all.
        keys: The partition keys of the table, each with its `Name` and `Type`.

    Raises:
        ValueError: It is not an expression, or names what is no key.
    """
    if not expression.strip():
        return lambda _: True
    return _Parser(expression, keys).parse()


class _Parser:
    def __init__(self, expression: str, keys: Sequence[Mapping[str, Any]]) -> None:
        self._expression = expression
        self._keys = {key["Name"].lower(): (place, str(key.get("Type", "string"))) for place, key in enumerate(keys)}
        self._tokens = self._split(expression)
        self._next = 0

    def parse(self) -> Predicate:
        found = self._any_of()
        if self._next < len(self._tokens):
            raise self._error()
        return found

    def _split(self, expression: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while expression[position:].strip():
            token = _TOKEN.match(expression, position)
            if token is None or token.lastgroup is None:
                raise self._error()
            tokens.append((token.lastgroup, token[token.lastgroup]))
            position = token.end()
        return tokens

    def _any_of(self) -> Predicate:
        parts = [self._all_of()]
        while self._take_word("OR"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda values: any(part(values) for part in parts)

    def _all_of(self) -> Predicate:
        parts = [self._one()]
        while self._take_word("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda values: all(part(values) for part in parts)

    def _one(self) -> Predicate:
        if self._take_word("NOT"):
            inner = self._one()
            return lambda values: not inner(values)
        if self._take_sign("("):
            inner = self._any_of()
            self._expect_sign(")")
            return inner
        kind, _ = self._peek()
        if kind in {"text", "number"}:  # 2026 = year
            literal = self._literal()
            sign = self._comparison()
            place, convert = self._key()
            return _compared(place, convert, _MIRRORED.get(sign, sign), literal)
        place, convert = self._key()
        negated = self._take_word("NOT")
        found = self._about(place, convert)
        return (lambda values: not found(values)) if negated else found

    def _about(self, place: int, convert: Callable[[str], Any]) -> Predicate:
        if self._take_word("IN"):
            self._expect_sign("(")
            wanted = {convert(self._literal())}
            while self._take_sign(","):
                wanted.add(convert(self._literal()))
            self._expect_sign(")")
            return lambda values: convert(values[place]) in wanted
        if self._take_word("BETWEEN"):
            least = self._literal()
            if not self._take_word("AND"):
                raise self._error()
            most = self._literal()
            parts = [_compared(place, convert, ">=", least), _compared(place, convert, "<=", most)]
            return lambda values: all(part(values) for part in parts)
        if self._take_word("LIKE"):
            pattern = re.escape(self._literal()).replace("%", ".*").replace("_", ".")
            like = re.compile(pattern, re.DOTALL)
            return lambda values: like.fullmatch(values[place]) is not None
        if self._take_word("IS"):
            negated = self._take_word("NOT")
            if not self._take_word("NULL"):
                raise self._error()
            return lambda values: (values[place] == _NULL) is not negated
        return _compared(place, convert, self._comparison(), self._literal())

    def _key(self) -> tuple[int, Callable[[str], Any]]:
        kind, text = self._take()
        found = self._keys.get(text.strip("`").lower()) if kind == "name" else None
        if found is None:
            raise ValueError(f"{text} in {self._expression} is not a partition key")
        place, type_name = found
        return place, _number if _NUMBERS.fullmatch(type_name) else str

    def _literal(self) -> str:
        kind, text = self._take()
        if kind == "text":
            return text[1:-1].replace("''", "'") if text[0] == "'" else re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return text
        if kind == "name" and text.upper() in {"DATE", "TIMESTAMP"}:  # DATE '2026-01-01'
            return self._literal()
        raise self._error()

    def _comparison(self) -> str:
        kind, text = self._take()
        if kind != "sign" or text not in _COMPARISONS:
            raise self._error()
        return text

    def _take_word(self, word: str) -> bool:
        kind, text = self._peek()
        found = kind == "name" and text.upper() == word
        self._next += found
        return found

    def _take_sign(self, sign: str) -> bool:
        found = self._peek() == ("sign", sign)
        self._next += found
        return found

    def _expect_sign(self, sign: str) -> None:
        if not self._take_sign(sign):
            raise self._error()

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._next += 1
        return token

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _error(self) -> ValueError:
        return ValueError(f"{self._expression} is not an expression about partition keys")


def _compared(place: int, convert: Callable[[str], Any], sign: str, literal: str) -> Predicate:
    compare, wanted = _COMPARISONS[sign], convert(literal)

    def holds(values: Sequence[str]) -> bool:
        value = convert(values[place])
        return value is not None and wanted is not None and compare(value, wanted)

    return holds


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None  # the value of a key that is null
