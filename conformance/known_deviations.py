"""Where the local AWS answers otherwise than AWS, as far as that is known, and why it stays so."""

from collections.abc import Mapping

from conformance.comparison import Deviation

KNOWN_DEVIATIONS: Mapping[str, Deviation] = {
    "application.update-while-started": Deviation(
        answer={"maximumCapacity": "ValidationException", "maxConcurrentRuns": "accepted"},
        reason="the guide says so, and one user's record something else; until AWS was asked, the stricter holds",
    ),
    "job-run.few-executors": Deviation(
        answer={"maxExecutors": "SUCCESS", "initialExecutors too": "SUCCESS"},
        reason="Spark in local mode allocates no executors",
    ),
    "job-run.without-capacity": Deviation(
        answer={"state": "SUCCESS", "recognised": False},
        reason="workers have no size: a driver is a process of this machine, whatever it asks for",
    ),
    "spark.working-folders-path": Deviation(
        answer="another",
        reason="a driver has a folder of its own; /home/hadoop of this machine is not touched",
    ),
}
