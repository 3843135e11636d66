"""A member that the installed botocore does not know yet is an error at synth, with the remedy."""

import pytest

from constructs_emrs import Application, Code, ReleaseLabel, SparkJob
from tests.botocore_model import KNOWS_FLEX
from tests.templates import new_stack


@pytest.mark.skipif(KNOWS_FLEX, reason="this botocore knows flexExecution")
def test_flex_execution_asks_for_a_newer_botocore() -> None:
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    with pytest.raises(ValueError, match=r"flex_execution=.*the installed botocore does not know such a member"):
        SparkJob(stack, "Etl", application=spark, entry_point=Code.from_uri("s3://code/etl.py"), flex_execution=True)
