"""What jobs know of the EMR image by its path, on this machine."""

import re
from pathlib import Path
from typing import Final

_LOCAL: Final = re.compile(r"\A(?:(?:local|file):(?://)?)?(?=/)")
_OTHER: Final = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*:")
_HOME: Final = re.compile(r"\A/home/hadoop(?=/|\Z)")
_SPARK_HOME: Final = re.compile(r"\A/usr/lib/spark(?=/|\Z)")
_VERSION: Final = re.compile(r"[-_.]?(?:v?\d[\w.]*|amzn|SNAPSHOT)")


class Image:
    """Finds on this machine what the image has.

    Args:
        spark_home: The Spark distribution, `/usr/lib/spark` in the image.
        working_folder: The folder that the driver starts in, `/home/hadoop` in the image.
        jars: A folder with jars beside those of Spark, None without one.
    """

    def __init__(self, *, spark_home: Path, working_folder: Path, jars: Path | None = None) -> None:
        self._spark_home = spark_home
        self._working_folder = working_folder
        self._jars = [spark_home / "jars", *([jars] if jars else [])]

    def here(self, address: str) -> str:
        """The path on this machine of what is local to a worker; an address elsewhere as it is.

        A jar that Spark has here, or the user has added, under another version or in another folder is that one.
        """
        if _OTHER.match(address) and not _LOCAL.match(address):
            return address
        path = _LOCAL.sub("", address)
        path = _HOME.sub(lambda _: str(self._working_folder), path)
        path = _SPARK_HOME.sub(lambda _: str(self._spark_home), path)
        if path.endswith(".jar") and not Path(path).exists():
            artifact = _artifact(path)
            jars = [jar for folder in self._jars for jar in sorted(folder.glob("*.jar"))]
            path = next((str(jar) for jar in jars if _artifact(jar.name) == artifact), path)
        return path

    def lacks(self, address: str) -> bool:
        """Whether something is local to a worker and not here, once the working folder has what the job brings."""
        path = self.here(address)
        if _OTHER.match(path):
            return False
        place = self._working_folder / path
        return not (place.parent if "*" in place.name else place).exists()


def _artifact(jar: str) -> str:
    """`spark-avro` of `spark-avro_2.12-3.5.1-amzn-0.jar`."""
    return _VERSION.sub("", Path(jar).stem)
