"""The shapes of requests are those of botocore."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, StructureShape
from botocore.model import Shape as BotocoreShape

from constructs_emrs.validation import shapes
from tests import botocore_model


def pairs(ours: shapes.Shape, theirs: BotocoreShape, outer: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Each shape of ours below one, and botocore's; a shape inside of itself is entered once."""
    yield ours, theirs
    if outer.count(theirs.name) > 1:
        return
    outer = (*outer, theirs.name)
    match theirs:
        case StructureShape():
            assert list(ours.members) == list(theirs.members)
            for name, member in theirs.members.items():
                yield from pairs(ours.members[name], member, outer)
        case ListShape():
            yield from pairs(ours.member, theirs.member, outer)
        case MapShape():
            yield from pairs(ours.key, theirs.key, outer)
            yield from pairs(ours.value, theirs.value, outer)


@pytest.mark.parametrize("operation", ["StartJobRun", "CreateApplication"])
def test_a_shape_is_what_botocore_says(operation: str) -> None:
    all_pairs = list(pairs(shapes.operation_shape(operation), botocore_model.operation_shape(operation)))
    assert len(all_pairs) > 50
    for ours, theirs in all_pairs:
        assert ours.type_name == theirs.type_name
        assert ours.required_members == theirs.required_members
        assert {name: ours.metadata.get(name) for name in theirs.metadata} == theirs.metadata
        of_botocore_alone = {"type", "shape", "documentation", "members", "member", "key", "value", "box"}
        assert ours.metadata.keys() - of_botocore_alone <= {*theirs.metadata, *theirs.serialization, "locationName"}
