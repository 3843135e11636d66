"""What packages are built for: a Python, an architecture and a C library."""

from dataclasses import dataclass

from ...applications.release_label import ReleaseLabel
from ...applications.settings import Architecture

_MACHINE = {Architecture.X86_64: "x86_64", Architecture.ARM64: "aarch64"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """The Python of a release's workers.

    Args:
        python: Its version, such as `3.11`.
        architecture: The CPU.
        glibc: The version of the C library.
    """

    python: str
    architecture: Architecture
    glibc: str

    @property
    def machine(self) -> str:
        """The CPU as Linux names it."""
        return _MACHINE[self.architecture]

    @property
    def platform(self) -> str:
        """The platform as uv names it. uv has none for glibc 2.18 to 2.27: then it is the next older one."""
        return f"{self.machine}-manylinux_{'2_34' if self.glibc == '2.34' else '2_17'}"

    def __str__(self) -> str:
        """The target as a message names it."""
        return f"Python {self.python}, {self.architecture.value} and glibc {self.glibc}"


def glibc_of(release: ReleaseLabel) -> str | None:
    """The version of the C library of a release's image, None for a name that says no version.

    Releases before emr-7.0.0 have Amazon Linux 2, later ones Amazon Linux 2023:
    https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-700-release.html,
    https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html#glibc-gcc-and-binutils
    """
    if release.version is None:
        return None
    return "2.34" if release.version >= (7, 0) else "2.26"
