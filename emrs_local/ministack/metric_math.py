"""Metric math: arithmetic, comparisons and a few functions on series of values; simple queries of Metrics Insights.

CloudWatch User Guide, "Using metric math" and "CloudWatch Metrics Insights query components and syntax". The values of
a series are those of the periods, the last first; None where there is none.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Series = list["float | None"]

_OPERATORS: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


_OF_ARRAYS: Mapping[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": sum,
}
_STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_QUERY = re.compile(
    rf"""SELECT\s+({"|".join(_STATISTICS)})\((\w+)\)\s+FROM\s+"?([\w/]+)"?(?:\s+WHERE\s+(.+))?""", re.DOTALL
)
_CONDITION = re.compile(r"""\s*"?(\w+)"?\s*=\s*'([^']*)'\s*""")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query of Metrics Insights: one value of all metrics that have the name and the dimensions, and maybe others."""

    statistic: str
    name: str
    namespace: str
    dimensions: Mapping[str, str]


class NotUnderstoodError(Exception):
    """An expression has something else; the message is what."""


def query_of(expression: str) -> Query | None:
    """The query that an expression is; None if it is none.

    Raises:
        NotUnderstoodError: It has more than conditions of equality, such as a group.
    """
    if not expression.lstrip().upper().startswith("SELECT "):
        return None
    found = _QUERY.fullmatch(expression.strip())
    conditions = [_CONDITION.fullmatch(part) for part in found[4].split(" AND ")] if found and found[4] else []
    if found is None or not all(conditions):
        raise NotUnderstoodError(expression)
    dimensions = {condition[1]: condition[2] for condition in conditions if condition}
    return Query(statistic=_STATISTICS[found[1]], name=found[2], namespace=found[3], dimensions=dimensions)


def evaluate(
    expression: str,
    series: Callable[[str], Series],
    count: int,
    *,
    quota: Callable[[str], float | None] = lambda _: None,
) -> Series:
    """The values of an expression for `count` periods.

    Args:
        expression: Such as `100 * m1 / FILL(m2, 0)`.
        series: The values of another metric or expression, by its id.
        count: How many periods there are.
        quota: The quota that the usage has which a metric tells, by the metric's id; None if it has none.

    Raises:
        NotUnderstoodError: It has more than arithmetic, comparisons, `FILL`, `IF`, `SERVICE_QUOTA`, and `SUM`, `AVG`,
            `MIN` and `MAX` of an array; or there is no such quota.
    """
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except SyntaxError as error:
        raise NotUnderstoodError(expression) from error

    def value(node: ast.expr, period: int) -> float | None:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=identifier):
                return series(identifier)[period]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return combined(ast.Sub, 0.0, value(operand, period))
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
                return combined(type(operation), value(left, period), value(right, period))
            case ast.Compare(left=left, ops=[operation], comparators=[right]) if type(operation) in _OPERATORS:
                return combined(type(operation), value(left, period), value(right, period))
            case ast.Call(func=ast.Name(id="FILL"), args=[filled, ast.Constant() as otherwise]):
                found = value(filled, period)
                return value(otherwise, period) if found is None else found
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, *otherwise]) if len(otherwise) <= 1:
                if (holds := value(condition, period)) is None:
                    return None
                return value(then, period) if holds else value(otherwise[0], period) if otherwise else None
            case ast.Call(func=ast.Name(id="SERVICE_QUOTA"), args=[ast.Name(id=usage)]) if quota(usage) is not None:
                return quota(usage)
            case ast.Call(func=ast.Name(id=name), args=[ast.List(elts=elements)]) if name in _OF_ARRAYS:
                known = [found for element in elements if (found := value(element, period)) is not None]
                return _OF_ARRAYS[name](known) if known else None
            case _:
                raise NotUnderstoodError(ast.unparse(node))

    def combined(operation: type[ast.AST], left: float | None, right: float | None) -> float | None:
        if left is None or right is None:
            return None
        try:
            return float(_OPERATORS[operation](left, right))
        except ZeroDivisionError:
            return None  # CloudWatch drops the datapoint

    return [value(tree, period) for period in range(count)]
