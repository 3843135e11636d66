"""What the server says to whoever has started it."""

import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from emrs_local import serving
from emrs_local.serving import Output


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    """The ends to read from and to write to."""
    read, write = os.pipe()
    with os.fdopen(read, encoding="utf-8") as reader, os.fdopen(write, "w", encoding="utf-8") as writer:
        yield reader, writer


def test_nobody_waits_for_who_reads_what_happens(pipe: tuple[TextIO, TextIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_WRITE_SECONDS", 0)
    reader, writer = pipe
    output = Output(writer)
    lines = [f"{number}  {'x' * 1000}\n" for number in range(1000)]  # more than a pipe takes
    for line in lines:
        output.write(line.rstrip("\n"))
    output.close()
    assert [reader.readline() for _ in lines] == lines


def test_all_is_written_when_it_is_closed(pipe: tuple[TextIO, TextIO]) -> None:
    reader, writer = pipe
    output = Output(writer)
    for line in ("one", "two"):
        output.write(line)
    output.close()
    writer.close()
    assert reader.read() == "one\ntwo\n"
