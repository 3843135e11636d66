"""The files that configure Hadoop and Spark."""

from collections.abc import Mapping
from xml.etree import ElementTree as Xml


def java_properties(properties: Mapping[str, str]) -> str:
    """A file that `java.util.Properties` reads back as the same keys and values."""
    return "".join(f"{_escaped(key, separators=' :=')}={_escaped(value)}\n" for key, value in properties.items())


def hadoop_xml(properties: Mapping[str, str]) -> str:
    """A file such as `core-site.xml`."""
    root = Xml.Element("configuration")
    for name, value in properties.items():
        element = Xml.SubElement(root, "property")
        Xml.SubElement(element, "name").text = name
        Xml.SubElement(element, "value").text = value
    return Xml.tostring(root, encoding="unicode", xml_declaration=True)


def _escaped(text: str, *, separators: str = "") -> str:
    escapes = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
    escapes |= {separator: f"\\{separator}" for separator in separators}
    escaped = "".join(escapes.get(character) or _ascii(character) for character in text)
    # A comment sign or a space is special in the first place only.
    return f"\\{escaped}" if text[:1] in {"#", "!", " "} and escaped[:1] != "\\" else escaped


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    code_units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{code_units[start : start + 4]}" for start in range(0, len(code_units), 4))
