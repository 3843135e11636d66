"""The reference page is what the code says."""

import inspect
import re

from constructs_emrs import HiveJob, SparkJob
from scripts.generate_reference import PAGE, page
from tests.botocore_model import needs_flex


@needs_flex
def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python scripts/generate_reference.py"


@needs_flex
def test_the_arguments_on_the_reference_page_exist() -> None:
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]
    named = {name for _, argument, _ in rows for name in re.findall(r"`(\w+)", argument) if argument.startswith("`")}
    arguments = {*inspect.signature(SparkJob.__init__).parameters, *inspect.signature(HiveJob.__init__).parameters}
    assert named - arguments == {"Tags"}
    assert arguments - named == {"self", "scope", "construct_id"}
