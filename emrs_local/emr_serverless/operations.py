"""The API: each operation authorizes the caller, checks the input and answers with the members of its output."""

from __future__ import annotations

import datetime
import json
import logging
import re
import threading
from collections.abc import Callable
from typing import Any, Protocol

from emrs_local.driver import Engine
from emrs_local.emr_serverless import protocol
from emrs_local.emr_serverless.applications import STATES, Announce, Application, Applications, new_id
from emrs_local.emr_serverless.authorization import (
    Context,
    request_tags_context,
    require,
    require_start_job_run,
    resource_tags_context,
)
from emrs_local.emr_serverless.driver_output import ALL_JOB_RUNS, DriverOutput, requested_output, requested_stages
from emrs_local.emr_serverless.errors import (
    InternalServerException,
    ResourceNotFoundException,
    ServiceError,
    UnknownOperationException,
    ValidationException,
)
from emrs_local.emr_serverless.events import Publish
from emrs_local.emr_serverless.job_runs import Attempt, JobRun, JobRuns, configuration_of, job_run_arn
from emrs_local.emr_serverless.life_cycle import LifeCycle, ServiceSettings
from emrs_local.emr_serverless.metrics import JobRunMetrics, PublishMetrics
from emrs_local.emr_serverless.paging import page
from emrs_local.emr_serverless.rates import RateLimits
from emrs_local.emr_serverless.rules import (
    require_valid_application,
    require_valid_grace_period,
    require_valid_job_run,
    require_valid_tags,
)
from emrs_local.ministack import iam
from emrs_local.ministack.iam import Caller, Headers, Query
from emrs_local.ministack.scope import Scope

_log = logging.getLogger(__name__)

Parameters = dict[str, Any]
Output = dict[str, Any]


class Tagged(Protocol):
    """What can be tagged: an application or a job run."""

    tags: dict[str, str]


class EmrServerless:
    """The service. One instance serves every account and region of the server.

    Args:
        engine: Makes the drivers.
        settings: What runs need to know about the server.
        announce: Is told each change of a state in one line.
        publish: Is told each change of a state as an event, in their order; may not block.
        publish_metrics: Is told the values of metrics; may not block.
        transition_seconds: How long an application takes to be created, started and stopped.
        rate_limits: Refuses calls that come too fast; None lets all come.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        settings: ServiceSettings,
        announce: Announce,
        publish: Publish,
        publish_metrics: PublishMetrics,
        transition_seconds: float = 0.2,
        rate_limits: RateLimits | None = None,
    ) -> None:
        self._changed = changed = threading.Condition()
        self._engine = engine
        self._settings = settings
        self._rate_limits = rate_limits
        self.applications = Applications(
            changed=changed,
            announce=announce,
            publish=publish,
            transition_seconds=transition_seconds,
            seconds_per_minute=settings.seconds_per_minute,
        )
        self._driver_output = DriverOutput(settings.data_directory / "driver-output")
        life_cycle = LifeCycle(
            changed=changed,
            applications=self.applications,
            engine=engine,
            settings=settings,
            driver_output=self._driver_output,
        )
        self.job_runs = JobRuns(
            changed=changed,
            announce=announce,
            publish=publish,
            metrics=JobRunMetrics(publish_metrics),
            life_cycle=lambda run: life_cycle.run(self.job_runs, run),
        )
        self._operations: dict[str, Callable[[Caller, protocol.Request], Output]] = {
            "CreateApplication": self._create_application,
            "GetApplication": self._get_application,
            "ListApplications": self._list_applications,
            "UpdateApplication": self._update_application,
            "DeleteApplication": self._delete_application,
            "StartApplication": self._start_application,
            "StopApplication": self._stop_application,
            "StartJobRun": self._start_job_run,
            "GetJobRun": self._get_job_run,
            "ListJobRuns": self._list_job_runs,
            "ListJobRunAttempts": self._list_job_run_attempts,
            "CancelJobRun": self._cancel_job_run,
            "GetDashboardForJobRun": self._get_dashboard_for_job_run,
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "ListTagsForResource": self._list_tags_for_resource,
        }

    async def handle_request(
        self,
        method: str,
        path: str,
        headers: Headers,
        body: bytes,
        query: Query,
    ) -> protocol.Response:
        """Answer a request whose signature was verified."""
        try:
            output_of = requested_output(method, path)
            if output_of:
                return self._read_driver_output(iam.caller(headers, query), output_of, query)
            stages_of = requested_stages(method, path)
            if stages_of:
                return self._stages(iam.caller(headers, query), *stages_of)
            if (method, path) == ("GET", ALL_JOB_RUNS):
                return self._all_job_runs(iam.caller(headers, query))
            request = protocol.match(method=method, path=path, query=query, body=body)
            name = request.operation.name
            if name not in self._operations:
                raise UnknownOperationException(f"The local EMR Serverless has no operation {name}")
            caller = iam.caller(headers, query)
            if self._rate_limits:
                self._rate_limits.require(caller.scope, name)
            with self._changed:  # an answer is of one moment, between two changes of a state
                output = self._operations[name](caller, request)
                return protocol.serialize_output(request.operation, output)
        except ServiceError as error:
            return protocol.serialize_error(error)
        except Exception:  # noqa: BLE001 - a client gets an answer whatever happens
            _log.exception("%s %s", method, path)
            return protocol.serialize_error(InternalServerException("The local EMR Serverless failed; see its log"))

    def close(self) -> None:
        """End every run and its driver."""
        self.job_runs.close()
        self._engine.close()

    def _create_application(self, caller: Caller, request: protocol.Request) -> Output:
        parameters = request.parameters()
        context = request_tags_context(parameters.get("tags", {})) if parameters.get("tags") else {}
        require(caller, action="emr-serverless:CreateApplication", resource="*", context=context)
        require_valid_application(parameters)
        application = self.applications.create(caller.scope, parameters)
        return {
            "applicationId": application.application_id,
            "name": application.members.get("name"),
            "arn": application.arn,
        }

    def _get_application(self, caller: Caller, request: protocol.Request) -> Output:
        application, _ = self._application(caller, request)
        return {"application": application.description()}

    def _list_applications(self, caller: Caller, request: protocol.Request) -> Output:
        require(caller, action="emr-serverless:ListApplications", resource="*")
        parameters = request.parameters()
        # A terminated application is on no list (User Guide, "Interacting with an application").
        states = {*parameters.get("states", STATES)} - {"TERMINATED"}
        found, following = page(
            self.applications.all(caller.scope),
            identity=lambda application: application.application_id,
            shown=lambda application: application.state in states,
            token=parameters.get("nextToken"),
            size=parameters.get("maxResults"),
        )
        return {"applications": [application.summary() for application in found], "nextToken": following}

    def _update_application(self, caller: Caller, request: protocol.Request) -> Output:
        application, parameters = self._application(caller, request)
        members = {name: value for name, value in parameters.items() if name not in ("applicationId", "clientToken")}
        current = {**application.members, "releaseLabel": application.release_label, "type": application.engine}
        require_valid_application({**current, **members})
        self.applications.update(application, members)
        return {"application": application.description()}

    def _delete_application(self, caller: Caller, request: protocol.Request) -> Output:
        application, _ = self._application(caller, request)
        self.applications.delete(application)
        return {}

    def _start_application(self, caller: Caller, request: protocol.Request) -> Output:
        application, _ = self._application(caller, request)
        self.applications.start(application)
        return {}

    def _stop_application(self, caller: Caller, request: protocol.Request) -> Output:
        application, _ = self._application(caller, request)
        self.applications.stop(application)
        return {}

    def _start_job_run(self, caller: Caller, request: protocol.Request) -> Output:
        application, parameters = self._application(
            caller, request, context=lambda parameters: request_tags_context(parameters.get("tags", {}))
        )
        job_run_id = new_id()
        require_valid_job_run(parameters, application=application)
        require_start_job_run(
            caller,
            application=application,
            job_run_arn=job_run_arn(application, job_run_id),
            request=parameters,
            configuration=configuration_of(application, parameters),
        )
        parameters.pop("applicationId")
        run = self.job_runs.submit(application, parameters, job_run_id=job_run_id, created_by=caller.arn)
        return {"applicationId": application.application_id, "jobRunId": run.job_run_id, "arn": run.arn}

    def _get_job_run(self, caller: Caller, request: protocol.Request) -> Output:
        run, parameters = self._job_run(caller, request)
        if "attempt" not in parameters:
            return {"jobRun": run.description()}
        return {"jobRun": run.description(_attempt(run, parameters["attempt"]))}

    def _list_job_runs(self, caller: Caller, request: protocol.Request) -> Output:
        application, parameters = self._application(caller, request)
        earliest = parameters.get("createdAtAfter", datetime.datetime.min.replace(tzinfo=datetime.UTC))
        latest = parameters.get("createdAtBefore", datetime.datetime.max.replace(tzinfo=datetime.UTC))

        def shown(run: JobRun) -> bool:
            return (
                run.state in parameters.get("states", [run.state])
                and run.mode == parameters.get("mode", run.mode)
                and earliest <= run.created_at <= latest
            )

        found, following = page(
            self.job_runs.all(application),
            identity=lambda run: run.job_run_id,
            shown=shown,
            token=parameters.get("nextToken"),
            size=parameters.get("maxResults"),
        )
        return {"jobRuns": [run.summary() for run in found], "nextToken": following}

    def _list_job_run_attempts(self, caller: Caller, request: protocol.Request) -> Output:
        run, parameters = self._job_run(caller, request)
        found, following = page(
            run.attempts,
            identity=lambda attempt: f"{run.job_run_id}/{attempt.number}",
            token=parameters.get("nextToken"),
            size=parameters.get("maxResults"),
        )
        return {"jobRunAttempts": [run.summary(attempt) for attempt in found], "nextToken": following}

    def _cancel_job_run(self, caller: Caller, request: protocol.Request) -> Output:
        run, parameters = self._job_run(caller, request)
        grace_seconds = parameters.get("shutdownGracePeriodInSeconds")
        require_valid_grace_period(grace_seconds)
        self.job_runs.cancel(run, grace_seconds=grace_seconds)
        return {"applicationId": run.application.application_id, "jobRunId": run.job_run_id}

    def _get_dashboard_for_job_run(self, caller: Caller, request: protocol.Request) -> Output:
        run, parameters = self._job_run(caller, request)
        if parameters.get("accessSystemProfileLogs"):
            context = resource_tags_context(run.tags)
            require(caller, action="emr-serverless:AccessSystemProfileLogs", resource=run.arn, context=context)
        attempt = _attempt(run, parameters.get("attempt", run.attempts[-1].number))
        if run.configuration.managed is None:
            # User Guide, "Storing logs": without managed storage the application UI is not supported.
            raise ValidationException(
                f"JobRun {run.job_run_id} has no application UI: its managed persistence logging is disabled"
            )
        event_logs = self._settings.event_logs_of(run.job_run_id, attempt.number)
        return {"url": self._engine.dashboard(event_logs)}

    def _read_driver_output(
        self, caller: Caller, output_of: tuple[str, str, int, str], query: Query
    ) -> protocol.Response:
        application_id, job_run_id, attempt, stream = output_of
        self._looked_at(caller, application_id, job_run_id)
        offset = query.get("offset", ["0"])[-1]
        if not offset.isdigit():
            raise ValidationException("The offset is not a number")
        content = self._driver_output.read(job_run_id, attempt, stream, offset=int(offset))
        return 200, {"Content-Type": "application/octet-stream"}, content

    def _all_job_runs(self, caller: Caller) -> protocol.Response:
        for action in ("ListJobRuns", "GetJobRun"):
            require(caller, action=f"emr-serverless:{action}", resource="*")
        with self._changed:
            applications = self.applications.all(caller.scope)
            runs = [run for application in applications for run in self.job_runs.all(application)]
            described = [
                {**protocol.serialize_job_run(run.description()), "applicationName": run.application.name}
                for run in sorted(runs, key=lambda run: run.created_at, reverse=True)
            ]
        return 200, {"Content-Type": "application/json"}, json.dumps({"jobRuns": described}).encode()

    def _stages(self, caller: Caller, application_id: str, job_run_id: str) -> protocol.Response:
        run = self._looked_at(caller, application_id, job_run_id)
        done, known = self._engine.stages(self._settings.event_logs_of(job_run_id, run.attempts[-1].number))
        return 200, {"Content-Type": "application/json"}, json.dumps({"done": done, "known": known}).encode()

    def _looked_at(self, caller: Caller, application_id: str, job_run_id: str) -> JobRun:
        """The run, once the caller may open its dashboard, which shows all that is known of it."""
        arn = f"{_application_arn(caller.scope, application_id)}/jobruns/{job_run_id}"
        tags = self._tags_for_conditions(lambda: self._find_job_run(caller.scope, application_id, job_run_id))
        require(caller, action="emr-serverless:GetDashboardForJobRun", resource=arn, context=tags)
        return self._find_job_run(caller.scope, application_id, job_run_id)

    def _tag_resource(self, caller: Caller, request: protocol.Request) -> Output:
        parameters = request.parameters()
        context = request_tags_context(parameters["tags"])
        tags = self._tags(caller, request, parameters["resourceArn"], context)
        require_valid_tags({**tags, **parameters["tags"]})
        tags.update(parameters["tags"])
        return {}

    def _untag_resource(self, caller: Caller, request: protocol.Request) -> Output:
        parameters = request.parameters()
        tags = self._tags(caller, request, parameters["resourceArn"], {"aws:TagKeys": parameters["tagKeys"]})
        for key in parameters["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _list_tags_for_resource(self, caller: Caller, request: protocol.Request) -> Output:
        return {"tags": self._tags(caller, request, request.parameters()["resourceArn"], {})}

    def _application(
        self,
        caller: Caller,
        request: protocol.Request,
        *,
        context: Callable[[Parameters], Context] = lambda _: {},
    ) -> tuple[Application, Parameters]:
        """The application that the path names, and the input, once the caller may call the operation on it."""
        application_id = request.path_parameters["applicationId"]
        arn = _application_arn(caller.scope, application_id)
        parameters = request.parameters()
        tags = self._tags_for_conditions(lambda: self.applications.find(caller.scope, application_id))
        action = f"emr-serverless:{request.operation.name}"
        require(caller, action=action, resource=arn, context={**tags, **context(parameters)})
        return self.applications.find(caller.scope, application_id), parameters

    def _job_run(self, caller: Caller, request: protocol.Request) -> tuple[JobRun, Parameters]:
        """The run that the path names, and the input, once the caller may call the operation on it."""
        application_id, job_run_id = request.path_parameters["applicationId"], request.path_parameters["jobRunId"]
        arn = f"{_application_arn(caller.scope, application_id)}/jobruns/{job_run_id}"
        parameters = request.parameters()
        tags = self._tags_for_conditions(lambda: self._find_job_run(caller.scope, application_id, job_run_id))
        require(caller, action=f"emr-serverless:{request.operation.name}", resource=arn, context=tags)
        return self._find_job_run(caller.scope, application_id, job_run_id), parameters

    def _find_job_run(self, scope: Scope, application_id: str, job_run_id: str) -> JobRun:
        return self.job_runs.find(self.applications.find(scope, application_id), job_run_id)

    def _tags(self, caller: Caller, request: protocol.Request, arn: str, context: Context) -> dict[str, str]:
        """The tags of the resource `arn`, once the caller may call the operation on it."""
        action = f"emr-serverless:{request.operation.name}"
        existing = self._tags_for_conditions(lambda: self._tagged(caller.scope, arn))
        require(caller, action=action, resource=arn, context={**existing, **context})
        return self._tagged(caller.scope, arn).tags

    def _tagged(self, scope: Scope, arn: str) -> Tagged:
        base = re.escape(_application_arn(scope, ""))
        found = re.fullmatch(rf"{base}([0-9a-z]+)(?:/jobruns/([0-9a-z]+))?", arn)
        if not found:
            raise ResourceNotFoundException(f"Resource {arn} does not exist")
        application_id, job_run_id = found.groups()
        if job_run_id:
            return self._find_job_run(scope, application_id, job_run_id)
        return self.applications.find(scope, application_id)

    def _tags_for_conditions(self, find: Callable[[], Tagged]) -> dict[str, str | list[str]]:
        # Authorization comes before existence: what is not there has no tags, and is missed afterwards.
        try:
            return resource_tags_context(find().tags)
        except ResourceNotFoundException:
            return {}


def _attempt(run: JobRun, number: int) -> Attempt:
    for attempt in run.attempts:
        if attempt.number == number:
            return attempt
    raise ResourceNotFoundException(f"JobRun {run.job_run_id} has no attempt {number}")


def _application_arn(scope: Scope, application_id: str) -> str:
    return f"arn:aws:emr-serverless:{scope.region}:{scope.account_id}:/applications/{application_id}"
