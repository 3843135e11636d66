"""The expressions of GetPartitions."""

import pytest

from emrs_local.ministack.glue.expressions import predicate

KEYS = [{"Name": "year", "Type": "int"}, {"Name": "region", "Type": "string"}]
PARTITIONS = [["2024", "eu"], ["2025", "eu"], ["2025", "us-east"], ["9", "it's"], ["__HIVE_DEFAULT_PARTITION__", "eu"]]


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("year = 2025", [1, 2]),
        ('Year=2025 and region="eu"', [1]),
        ("2025 <= year", [1, 2]),
        ("2025 > `year`", [0, 3]),
        ("year <> 2025", [0, 3]),
        ("year != 2025", [0, 3]),
        ("year between 2024 AND 2025", [0, 1, 2]),
        ("year in (2024, 9)", [0, 3]),
        ("year not in (2024, 9)", [1, 2, 4]),
        ("region like 'us-%'", [2]),
        ("region = 'it''s'", [3]),
        ('region = "it\'s"', [3]),
        ("NOT region = 'eu'", [2, 3]),
        ("year is null", [4]),
        ("year IS NOT NULL and (region = 'eu' or year < 10)", [0, 1, 3]),
        ("region >= 'it' and region < 'us'", [3]),
        ("region = 'eu' or year = 9 and region = 'nowhere'", [0, 1, 4]),
    ],
)
def test_an_expression_chooses_partitions(expression: str, chosen: list[int]) -> None:
    holds = predicate(expression, KEYS)
    assert [number for number, values in enumerate(PARTITIONS) if holds(values)] == chosen


@pytest.mark.parametrize(
    "expression",
    ["month = 1", "year =", "year = 1 year", "year ; 1", "(year = 1", "year", "= 1", "year between 1 or 2"],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="partition key"):
        predicate(expression, KEYS)
