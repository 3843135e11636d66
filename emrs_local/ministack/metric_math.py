"""Metric math: arithmetic, comparisons and a few functions on series of values.

CloudWatch User Guide, "Using metric math". The values of a series are those of the periods, the last first; None where
there is none.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
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


class NotUnderstoodError(Exception):
    """An expression has something else; the message is what."""


def evaluate(expression: str, series: Callable[[str], Series], count: int) -> Series:
    """The values of an expression for `count` periods.

    Args:
        expression: Such as `100 * m1 / FILL(m2, 0)`.
        series: The values of another metric or expression, by its id.
        count: How many periods there are.

    Raises:
        NotUnderstoodError: It has more than arithmetic, comparisons, `FILL` and `IF`.
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
