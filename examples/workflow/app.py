"""A state machine of three jobs, with a choice, and with a catch for what fails."""

from typing import Any

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from constructs_emrs import Application, EmrServerlessStartJobRun, ReleaseLabel, SparkJob


class Workflow(Stack):
    """The jobs, and the state machine that runs them."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        data = s3.Bucket(self, "Data", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY)
        spark = Application(self, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        folder = data.s3_url_for_object()

        # --8<-- [start:workflow]
        def state(name: str, *arguments: str) -> EmrServerlessStartJobRun:
            job = SparkJob(self, name, application=spark, entry_point="steps.py")
            data.grant_read_write(job)
            state = EmrServerlessStartJobRun(
                self,
                f"{name} run",
                job=job,
                job_run_name=sfn.JsonPath.format(f"{name}-{{}}", sfn.JsonPath.execution_name),
                arguments=[name, folder, *arguments],
                result_path=f"$.{name}",
            )
            state.add_catch(failed, errors=["States.TaskFailed"], result_path="$.error")
            return state

        failed = sfn.Fail(self, "Failed", error_path="$.error.Error", cause_path="$.error.Cause")
        nothing = sfn.Succeed(self, "Nothing to do")
        clean, report, publish = state("clean", sfn.JsonPath.string_at("$.day")), state("report"), state("publish")
        has_a_day = sfn.Choice(self, "Is there a day?")
        has_a_day.when(sfn.Condition.is_present("$.day"), clean.next(report).next(publish)).otherwise(nothing)
        machine = sfn.StateMachine(self, "Machine", definition_body=sfn.DefinitionBody.from_chainable(has_a_day))
        # --8<-- [end:workflow]
        CfnOutput(self, "Bucket", value=data.bucket_name)
        CfnOutput(self, "MachineArn", value=machine.state_machine_arn)


app = App()
Workflow(app, "Workflow")
app.synth()
