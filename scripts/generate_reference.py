"""Writes docs/start-job-run.md: which argument sets which member of StartJobRun, from the code and botocore's model."""

from collections.abc import Iterator
from pathlib import Path

from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from constructs_emrs.handler import contract
from constructs_emrs.jobs._members import SET_ELSEWHERE, argument_of_member
from constructs_emrs.validation.botocore_data import MODEL, botocore_data

PAGE = Path(__file__).parent.parent / "docs" / "start-job-run.md"

_HEAD = """# StartJobRun, member by member

Each member of the [StartJobRun](https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html)
request, and the argument of `SparkJob` or `HiveJob` that sets it. What no argument sets, `add_override` does.

This page is made by `python scripts/generate_reference.py` from the code and botocore's model of the service.
"""

_TABLE = """
## {title}

| member | argument | limits of the service |
|---|---|---|
"""

# Structures whose members have a table of their own.
_GROUPS = (
    "configurationOverrides.monitoringConfiguration",
    "configurationOverrides",
    "jobDriver.sparkSubmit",
    "jobDriver.hive",
)


def start_job_run() -> Shape:
    """What botocore says that StartJobRun takes."""
    model = ServiceModel(botocore_data(f"{contract.SERVICE}/{contract.API_VERSION}/{MODEL}"))
    return model.shape_for("StartJobRunRequest")


def members(shape: Shape, path: str = "", outer: tuple[str, ...] = ()) -> Iterator[tuple[str, Shape]]:
    """Path and shape of every member that is no structure; a structure inside itself is not entered again."""
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                member_path = f"{path}.{name}".lstrip(".")
                if member.name in outer:
                    yield member_path, member
                else:
                    yield from members(member, member_path, (*outer, member.name))
        case ListShape() if isinstance(shape.member, StructureShape):
            yield from members(shape.member, f"{path}[]", outer)
        case _:
            yield path, shape


def limits(shape: Shape) -> str:
    """What the model allows, in words."""
    values = shape.enum if isinstance(shape, StringShape) else []
    unit = {"string": "characters", "list": "items", "map": "entries"}.get(shape.type_name, "")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    size = f"{low or 0} to {high:,} {unit}".strip() if high is not None else ""
    if high is None and low:
        size = f"at least {low} {unit}".strip()
    described = {
        "string": "one of " + ", ".join(f"`{value}`" for value in values) if values else "string",
        "list": "list of strings" if _is_list_of_strings(shape) else "list of the same again",
        "map": "strings by name",
        "long": "whole number",
        "integer": "whole number",
    }
    if isinstance(shape, MapShape) and isinstance(shape.value, ListShape):
        described["map"] = "lists of strings by name"
    text = described.get(shape.type_name, shape.type_name)
    return f"{text}, {size}" if size and not values else text


def _is_list_of_strings(shape: Shape) -> bool:
    return isinstance(shape, ListShape) and isinstance(shape.member, StringShape)


def page() -> str:
    """The whole page."""
    tables: dict[str, list[str]] = {}
    for path, shape in members(start_job_run()):
        if path in SET_ELSEWHERE:
            argument = SET_ELSEWHERE[path]
        elif path == "tags":
            argument = "`Tags.of(job).add(…)`, or of any scope around it"
        else:
            argument = ", ".join(f"`{name.strip()}`" for name in argument_of_member(path.replace("[]", "")).split(","))
        group = next((group for group in _GROUPS if path.startswith(f"{group}.")), "")
        row = f"| `{path.removeprefix(group).lstrip('.')}` | {argument} | {limits(shape)} |\n"
        tables.setdefault(group, []).append(row)
    return _HEAD + "".join(
        _TABLE.format(title=f"`{group}`" if group else "The request") + "".join(rows) for group, rows in tables.items()
    )


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
