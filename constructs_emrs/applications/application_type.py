"""Kinds of applications, and the CPUs that they run on."""

from enum import Enum


class ApplicationType(Enum):
    """The engine of an application."""

    SPARK = "Spark"
    """Apache Spark."""
    HIVE = "Hive"
    """Apache Hive on Tez."""


class Architecture(Enum):
    """The CPU architecture of an application's workers."""

    X86_64 = "X86_64"
    """x86, the default of the service."""
    ARM64 = "ARM64"
    """AWS Graviton."""
