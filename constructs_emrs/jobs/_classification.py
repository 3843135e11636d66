"""Properties that go into a classification of the request, because no parameter is known to carry them.

A classification is a map, in which nothing is split. It is a belief, and no more, that the service writes its values so
that the engine reads the same again, with quotes and backslashes: no page says how it writes `spark-defaults.conf` and
`hive-site.xml`. White space at the ends of a value and line ends mean something in such files, and are not risked.
https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_Configuration.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..applications.release_label import ReleaseLabel
from ..validation.model import Report
from ..validation.problems import Problems
from ..validation.tokens import LATER, without_tokens

_MOST_PROPERTIES = 100
_LONGEST = 1024
_LINE_END = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# From here on the service merges the properties of a job and of its application itself.
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/default-configs.html
_MERGES = (8, 1)


@dataclass(frozen=True)
class Setting:
    """A property and the argument that sets it."""

    argument: str
    name: str
    value: str


def is_carried(problems: Problems, setting: Setting, classification: str) -> bool:
    """Whether the classification carries a value that the parameters don't; notes why it does not."""
    value, carried = setting.value, True
    if "\0" in value:
        problems.add(setting.argument, value, "a process can't be given a NUL character", "leave it out")
        return False
    for is_true, what, remedy in (
        (value != value.strip(), "white space at its ends", "leave that out"),
        (_LINE_END.search(value.strip()) is not None, "line ends", "write it in one line"),
        (len(value) > _LONGEST, f"more than {_LONGEST:,} characters", "have the job read it from a file"),
    ):
        if is_true:
            needs = "its double quotes" if '"' in value else "its white space, quotes or backslashes"
            problem = f"{needs} need the classification {classification}, where a value can't have {what}"
            problems.add(setting.argument, value, problem, remedy)
            carried = False
    return carried


def check_not_contradicted(
    problems: Problems, classification: str, configuration: Sequence[Configuration], set_by: Mapping[str, Setting]
) -> None:
    """Note properties that the job gives one value as an argument and another one in its own configuration.

    Args:
        problems: Takes the contradictions.
        classification: Where the engine reads the properties too.
        configuration: The argument `application_configuration`.
        set_by: What other arguments set, by the name of the property.
    """
    for position, item in enumerate(configuration):
        for name, value in (item.properties or {}).items() if item.classification == classification else ():
            if name in set_by and set_by[name].value != value:
                argument = f"application_configuration[{position}].properties[{name!r}]"
                owner = set_by[name].argument
                problem = f"it contradicts {owner}, which sets {without_tokens(set_by[name].value, LATER)}"
                problems.add(argument, value, problem, "leave out one of the two")


def with_settings(
    problems: Problems,
    warn: Report,
    *,
    settings: Sequence[Setting],
    classification: str,
    configuration: Sequence[Configuration],
    application: IApplication,
) -> Sequence[Configuration]:
    """The job's configuration with the settings in it.

    A classification of the job replaces the application's. One that the job gets for its settings alone would take away
    what the application sets, so that it starts with that.

    Args:
        problems: Takes what there is too much of.
        warn: Takes what can't be known.
        settings: Properties that need the classification.
        classification: `spark-defaults` or `hive-site`.
        configuration: The argument `application_configuration`.
        application: Where the job runs.
    """
    if not settings:
        return configuration
    own = [item for item in configuration if item.classification == classification]
    inherited = () if own else _inherited(warn, settings[0], classification, application)
    replaced = own or [item for item in inherited if item.classification == classification]
    merged = Configuration(
        classification=classification,
        properties=properties_of(replaced, classification) | {setting.name: setting.value for setting in settings},
        configurations=[nested for item in replaced for nested in item.configurations],
    )
    if len(merged.properties or {}) > _MOST_PROPERTIES:
        setter = "application_configuration" if own else "the application"
        beside = f"what {setter} sets there" if replaced else "what needs it too"
        count = len(merged.properties or {})
        problem = f"it needs the classification {classification}, which has {count} properties with {beside}"
        problems.add(settings[0].argument, settings[0].value, problem, f"use {_MOST_PROPERTIES} at most")
        return configuration
    others = [item for item in configuration if item.classification != classification]
    place = configuration.index(own[0]) if own else len(others)
    return [*others[:place], merged, *others[place:]]


def properties_of(configuration: Sequence[Configuration], classification: str) -> dict[str, str]:
    """The properties of one classification; the later win."""
    return {
        name: value
        for item in configuration
        if item.classification == classification
        for name, value in (item.properties or {}).items()
    }


def merges_by_property(release: ReleaseLabel | None) -> bool:
    """Whether the service merges what a job and its application set in one classification."""
    return release is not None and release.version is not None and release.version >= _MERGES


def _inherited(
    warn: Report, setting: Setting, classification: str, application: IApplication
) -> Sequence[Configuration]:
    if merges_by_property(application.release_label):
        return ()
    known = application.runtime_configuration
    if known is None:
        problem = (
            f"it needs the classification {classification}, and a job's replaces that of its application, whose "
            "properties are not known here, as it is imported"
        )
        remedy = f"if it has any, repeat them in a {classification} of application_configuration"
        warn(setting.argument, setting.value, problem, remedy)
    return known or ()
