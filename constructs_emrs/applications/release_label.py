"""The release of Amazon EMR that an application runs."""

import re
from dataclasses import dataclass
from typing import ClassVar

from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods

_VERSION = re.compile(r"emr-(?P<spark>spark-)?(?P<major>\d+)\.(?P<minor>\d+)")


@explained
@dataclass(frozen=True)
class ReleaseLabel(metaclass=NamesMethods):
    """A release label of Amazon EMR, such as `emr-7.14.0`.

    A release that has no constant here yet is `ReleaseLabel.of("emr-7.15.0")`.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/release-versions.html
    """

    name: str

    EMR_6_6_0: ClassVar["ReleaseLabel"]
    """Spark 3.2, Hive 3.1."""
    EMR_6_7_0: ClassVar["ReleaseLabel"]
    """Spark 3.2, Hive 3.1."""
    EMR_6_8_0: ClassVar["ReleaseLabel"]
    """Spark 3.3, Hive 3.1."""
    EMR_6_9_0: ClassVar["ReleaseLabel"]
    """Spark 3.3, Hive 3.1; custom images."""
    EMR_6_10_0: ClassVar["ReleaseLabel"]
    """Spark 3.3, Hive 3.1."""
    EMR_6_11_0: ClassVar["ReleaseLabel"]
    """Spark 3.3, Hive 3.1."""
    EMR_6_12_0: ClassVar["ReleaseLabel"]
    """Spark 3.4, Hive 3.1."""
    EMR_6_13_0: ClassVar["ReleaseLabel"]
    """Spark 3.4, Hive 3.1."""
    EMR_6_14_0: ClassVar["ReleaseLabel"]
    """Spark 3.4, Hive 3.1; interactive endpoints."""
    EMR_6_15_0: ClassVar["ReleaseLabel"]
    """Spark 3.4, Hive 3.1; the last release of EMR 6."""
    EMR_7_0_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; job queueing."""
    EMR_7_1_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; streaming, retries and Prometheus."""
    EMR_7_2_0: ClassVar["ReleaseLabel"]
    """Spark 3.5."""
    EMR_7_3_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; job queueing is on by default."""
    EMR_7_4_0: ClassVar["ReleaseLabel"]
    """Spark 3.5."""
    EMR_7_5_0: ClassVar["ReleaseLabel"]
    """Spark 3.5."""
    EMR_7_6_0: ClassVar["ReleaseLabel"]
    """Spark 3.5."""
    EMR_7_7_0: ClassVar["ReleaseLabel"]
    """Spark 3.5."""
    EMR_7_8_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; trusted identity propagation."""
    EMR_7_9_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; graceful cancellation."""
    EMR_7_10_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; metrics carry application and job names."""
    EMR_7_11_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; a batch job run takes 7 days at most."""
    EMR_7_12_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; serverless storage."""
    EMR_7_13_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; sessions."""
    EMR_7_14_0: ClassVar["ReleaseLabel"]
    """Spark 3.5; a custom image must be built on the same release."""
    EMR_SPARK_8_0_0: ClassVar["ReleaseLabel"]
    """Spark 4.0."""
    EMR_SPARK_8_1_0: ClassVar["ReleaseLabel"]
    """Spark 4.1; Spark configuration is merged per property."""

    @classmethod
    def of(cls, name: str) -> "ReleaseLabel":
        """A release label by its name, such as `emr-7.15.0`."""
        return cls(name)

    @property
    def version(self) -> tuple[int, int] | None:
        """Major and minor version, or None for a name that does not follow the pattern."""
        match = _VERSION.match(self.name)
        return (int(match["major"]), int(match["minor"])) if match else None


for _constant in [name for name in ReleaseLabel.__annotations__ if name.startswith("EMR_")]:
    _name = _constant.lower().replace("_", "-", 2 if "SPARK" in _constant else 1).replace("_", ".")
    setattr(ReleaseLabel, _constant, ReleaseLabel(_name))
