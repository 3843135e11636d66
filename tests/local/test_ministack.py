"""ministack is pinned because emrs_local reaches into it; when ministack moves, this says what is gone."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import emrs_local

PACKAGE = Path(str(emrs_local.__file__)).parent
PACKAGES = Path(sysconfig.get_path("purelib"))

LOOK = """
import importlib, inspect, json, sys

def look(name):
    module, _, path = name.partition(":")
    try:
        found = importlib.import_module(module)
        found = eval(f"found.{path}") if path else found
    except (ImportError, AttributeError, KeyError):
        return "missing"
    return " ".join(inspect.signature(found).parameters) if inspect.isfunction(found) else "there"

print(json.dumps({name: look(name) for name in sys.argv[1:]}))
"""


def sources() -> list[Path]:
    """The modules that may know ministack."""
    return sorted((PACKAGE / "ministack").rglob("*.py"))


def names_used() -> list[str]:
    """What these modules import from ministack, and the attributes that they use of what they import."""
    return sorted({name for source in sources() for name in names_used_in(source)})


def names_used_in(source: Path) -> set[str]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ministack":
            for name in node.names:
                path = f"{node.module}.{name.name}"
                imported[name.name] = f"{path}:" if is_module(path) else f"{node.module}:{name.name}"
    used = {
        imported[node.value.id] + node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and imported.get(node.value.id, "").endswith(":")
    }
    return {*imported.values(), *used}


def is_module(name: str) -> bool:
    # Not with importlib.util.find_spec, which imports the packages around the module.
    file = PACKAGES / name.replace(".", "/")
    return file.is_dir() or file.with_suffix(".py").exists()


def names_replaced() -> set[str]:
    """The functions of ministack in whose place these modules put others."""
    return {name for source in sources() for name in names_replaced_in(source)}


def names_replaced_in(source: Path) -> set[str]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    modules = {
        name.name: f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ministack"
        for name in node.names
    }
    places: list[tuple[ast.AST, dict[str, list[str]]]] = [(tree, {name: [module] for name, module in modules.items()})]
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple):
            over = [modules[item.id] for item in node.iter.elts if isinstance(item, ast.Name) and item.id in modules]
            places.append((node, {node.target.id: over}))
    return {
        f"{module}:{path}"
        for place, names in places
        for node in ast.walk(place)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        for name, _, path in [ast.unparse(node).partition(".")]
        for module in names.get(name, [])
    }


@pytest.fixture(scope="module")
def ministack() -> dict[str, str]:
    """What names of ministack stand for: "missing", the parameters of a function, or that something is there."""
    # In a process of its own: ministack changes logging and hypercorn when it is imported.
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, *names_used(), *REPLACED, "ministack:_is_not_there"],
        env={**os.environ, "AUTH": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(looked.stdout))


def test_all_was_looked_at_in_the_version_that_is_installed() -> None:
    # Whoever raises the version reads, at each of these places, whether ministack still is as it says.
    installed = importlib.metadata.version("ministack")
    others = [
        f"{source.relative_to(PACKAGE)}:{number} {line.strip()}"
        for source in sources()
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1)
        for version in re.findall(r"ministack (\d+(?:\.\d+)+)", line)
        if version != installed
    ]
    assert not others, "\n".join(["ministack may be otherwise by now:", *others])


@pytest.mark.parametrize("name", names_used())
def test_what_is_used_of_ministack_is_where_it_was(ministack: dict[str, str], name: str) -> None:
    assert ministack["ministack:_is_not_there"] == "missing"
    assert ministack[name] != "missing"


# The functions in whose place others are put, with the names of their parameters. Their callers are ministack's own.
REPLACED_IN = {
    "ministack.app": {
        "SERVICE_HANDLERS['glue']": "method path headers body query_params",
        "SERVICE_HANDLERS['logs']": "method path headers body query_params",
        "SERVICE_HANDLERS['scheduler']": "method path headers body query_params",
        "call_service_handler_sync": "handler method path headers body query_params timeout",
        "_handle_post_body_shortcuts": "method path headers body query_params request_id",
        "pin_signed_request": "method raw_path query_params raw_headers handshake",
    },
    "ministack.core.iam_actions": {
        "access_denied_response": (
            "service action principal_arn request_id error_code message headers resource_arn explicit_deny "
            "resource_policy_arn"
        ),
        "extract_resource_arn": "service method path headers body query_params region account_id",
        "logs_service_context": "action body resource_arn region account_id",
        "request_tag_context": "service iam_action body params",
    },
    "ministack.core.iam_evaluator": {
        "_is_root_key": "access_key_id",
    },
    "ministack.core.lambda_runtime": {
        "Worker._drain_stderr_bounded": "self first_line_wait idle_confirm hard_cap",
        "Worker._spawn": "self",
        "subprocess": "there",
    },
    "ministack.core.responses": {"_service_model": "there"},
    "ministack.services.cloudwatch": {
        "_dispatch_alarm_actions": "alarm old_state new_state reason",
        "_evaluate_alarm": "alarm",
        "_put_metric_alarm": "params cbor_data is_cbor is_json",
    },
    "ministack.services.cloudformation.changesets": {
        "_add_event": "stack_id stack_name logical_id resource_type status reason physical_id detailed_status",
        "_deploy_stack_async": (
            "stack_name stack_id template param_values disable_rollback "
            "tags is_update previous_stack retain_except_on_create imports"
        ),
    },
    "ministack.services.cloudformation.handlers": {
        "_ACTION_HANDLERS['CancelUpdateStack']": "params",
        "_ACTION_HANDLERS['CreateChangeSet']": "params",
        "_ACTION_HANDLERS['DeleteStack']": "params",
        "_ACTION_HANDLERS['DescribeStackEvents']": "params",
        "_ACTION_HANDLERS['ListStackResources']": "params",
        "_ACTION_HANDLERS['UpdateStack']": "params",
        "_add_event": "stack_id stack_name logical_id resource_type status reason physical_id detailed_status",
        "_continue_update_rollback_async": "stack_name stack_id resources_to_skip",
        "_delete_stack_async": "stack_name stack_id retain_resources force",
        "_deploy_stack_async": (
            "stack_name stack_id template param_values disable_rollback "
            "tags is_update previous_stack retain_except_on_create imports"
        ),
        "_roll_back_operation": "stack_name stack_id stack operation reason_override",
    },
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS['AWS::Glue::Database']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::Glue::Database']['delete']": "physical_id props",
        "_RESOURCE_HANDLERS['AWS::Glue::Database']['update']": "physical_id old_props new_props stack_name logical_id",
        "_RESOURCE_HANDLERS['AWS::Glue::Partition']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::Glue::Partition']['delete']": "physical_id props",
        "_RESOURCE_HANDLERS['AWS::Glue::Partition']['update']": "physical_id old_props new_props stack_name logical_id",
        "_RESOURCE_HANDLERS['AWS::Glue::Table']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::Glue::Table']['delete']": "physical_id props",
        "_RESOURCE_HANDLERS['AWS::Glue::Table']['update']": "physical_id old_props new_props stack_name logical_id",
        "_RESOURCE_HANDLERS['AWS::IAM::Role']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::IAM::Role']['update']": "physical_id old_props new_props stack_name logical_id",
        "_RESOURCE_HANDLERS['AWS::Logs::LogGroup']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::Logs::LogGroup']['update']": "physical_id old_props new_props stack_name logical_id",
        "_RESOURCE_HANDLERS['AWS::S3::Bucket']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::S3::Bucket']['update']": "physical_id old_props new_props stack_name",
        "_RESOURCE_HANDLERS['AWS::Scheduler::Schedule']['create']": "logical_id props stack_name",
        "_RESOURCE_HANDLERS['AWS::Scheduler::Schedule']['update']": "physical_id old_props new_props stack_name",
        "_RESOURCE_HANDLERS['AWS::StepFunctions::StateMachine']['create']": "logical_id props stack_name",
        "_cw_metric_alarm_record": "name props",
    },
    "ministack.services.cloudformation.stacks": {
        "_add_event": "stack_id stack_name logical_id resource_type status reason physical_id detailed_status",
        "_continue_update_rollback_async": "stack_name stack_id resources_to_skip",
        "_delete_stack_async": "stack_name stack_id retain_resources force",
        "_deploy_stack_async": (
            "stack_name stack_id template param_values disable_rollback "
            "tags is_update previous_stack retain_except_on_create imports"
        ),
        "_roll_back_operation": "stack_name stack_id stack operation reason_override",
    },
    "ministack.services.eventbridge": {
        "_dispatch_event": "event view",
        "_dispatch_to_lambda": "arn payload",
        "_invoke_target": "target event rule view",
        "_validate_target_arn": "target",
    },
    "ministack.services.glue": {
        "_create_partition": "data",
        "_create_table": "data",
        "_delete_partition": "data",
        "_get_partition": "data",
    },
    "ministack.services.iam": {
        "_IAM_HANDLERS['AttachRolePolicy']": "p",
        "_IAM_HANDLERS['CreatePolicy']": "p",
        "_IAM_HANDLERS['CreatePolicyVersion']": "p",
        "_IAM_HANDLERS['PutRolePolicy']": "p",
        "_attach_role_policy": "p",
        "_create_policy": "p",
        "_create_policy_version": "p",
        "_put_role_policy": "p",
        "attach_managed_policy": "entity policy_arn",
        "store_policy": "arn name path document description tags",
    },
    "ministack.services.lambda_svc": {
        "_emit_lambda_logs": "func request_id log_text error duration_ms log_source",
        "_execute_function": "func event",
        "_execute_function_warm": "func event request_id",
        "acquire_worker": "func_name config code_zip qualifier max_concurrency",
        "invalidate_worker": "func_name qualifier account region",
        "invoke_async_with_retry": "func event",
        "release_worker": "worker",
    },
    "ministack.services.s3": {
        "_fire_s3_event": (
            "bucket_name key event_name size etag deletion_type restore_event_data "
            "version_id sequencer object_extra record_extra"
        ),
    },
    "ministack.services.scheduler": {
        "_create_schedule": "name body",
        "_list_schedules": "query",
        "_update_schedule": "name body",
        "start_scheduler": "",
    },
    "ministack.services.stepfunctions": {
        "_executions": "there",
        "_service_model": "there",
        "_add_event": "execution event_type details",
        "_call_lambda": "func_ref event",
        "_create_state_machine": "data",
        "_error_matches": "error_equals error",
        "_exec_intrinsic": "node data ctx",
        "_execute_task": "state_def raw_input execution ctx",
        "_execute_wait": "state_def raw_input ctx",
        "_fail_execution": "execution error cause",
        "_find_matching_retrier": "retriers error retry_counts",
        "_invoke_aws_sdk_integration": "resource input_data",
        "_invoke_resource": "resource input_data",
        "_run_execution": "exec_arn",
        "_start_execution": "data",
        "_stop_execution": "data",
        "_update_state_machine": "data",
        "_validate_state_machine_definition": "data",
    },
}
REPLACED = {f"{module}:{path}": names for module, paths in REPLACED_IN.items() for path, names in paths.items()}


def test_what_is_replaced_has_the_parameters_that_it_had(ministack: dict[str, str]) -> None:
    assert {name: ministack[name] for name in REPLACED} == REPLACED


def test_all_that_is_replaced_is_compared() -> None:
    missing = sorted(names_replaced() - set(REPLACED))
    assert missing == [], "they belong in REPLACED_IN, with the names of their parameters"
