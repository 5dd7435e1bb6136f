"""Faults in the applied Terraform, each of which expect.py must report."""

import copy
import json
import re

import expect


def self_test(root, plain, full, environments, ecs):
    """Expects each fault to be reported. Returns the number of faults."""
    prod, service, endpoints = f"{environments}/prod", f"{ecs}/prod", f"{ecs}/vpc-endpoints"

    def edit(kind, attribute, pattern, replacement, **wanted):
        def change(applied):
            it = applied.one(kind, **wanted)
            it[attribute], count = re.subn(pattern, replacement, it[attribute], count=1, flags=re.S)
            assert count, (kind, pattern)

        return change

    def put(kind, attribute, value, **wanted):
        return lambda applied: applied.one(kind, **wanted).update({attribute: value})

    def drop(kind, **wanted):
        def change(applied):
            gone = applied.one(kind, **wanted)
            applied.resources = [it for it in applied.resources if it["values"] is not gone]

        return change

    policy = {"kind": "aws_iam_policy", "attribute": "policy"}
    worker = {"family": "clinic-api-prod-worker"}

    def blind(applied):
        alarm = applied.one("aws_cloudwatch_metric_alarm", alarm_name="clinic-api-prod-too-few-tasks")
        next(it for it in alarm["metric_query"] if it["id"] == "running")["metric"][0]["metric_name"] = "PendingTaskCount"

    faults = [
        (plain, prod, put("aws_dynamodb_table", "deletion_protection_enabled", False), "deletion_protection_enabled is off"),
        (plain, prod, edit(**policy, pattern='"dynamodb:ConditionCheckItem"', replacement='"dynamodb:*"', name="clinic-api-prod-service"), "service may dynamodb:Scan"),
        (full, prod, edit(**policy, pattern='"dynamodb:DeleteTable\\*"', replacement='"dynamodb:X"', name="clinic-api-prod-worker"), "dynamodb:DeleteTable is not denied"),
        (full, prod, edit(**policy, pattern="WEBHOOKS#", replacement="", name="clinic-api-prod-reseal"), "the reseal role may put items"),
        (full, prod, edit(**policy, pattern='"dynamodb:Scan"', replacement='"dynamodb:DeleteItem"', name="clinic-api-prod-reseal"), "may update or delete"),
        (full, prod, edit(**policy, pattern='(LeadingKeys": *)"ACCESS#', replacement='\\1"', name="clinic-api-prod-export"), "the export role may put items"),
        (full, prod, edit("aws_iam_role_policy", "policy", '"ACCESS#\\*"', '"X"', name="restore"), "backfill may change the logs of"),
        (full, prod, edit("aws_iam_role", "assume_role_policy", "aws:SourceAccount", "aws:X", name="clinic-api-prod-stream-lambda"), "for other accounts"),
        (full, prod, edit("aws_iam_role", "assume_role_policy", "aws:RequestTag/kubernetes-namespace", "aws:X", name="clinic-api-prod-worker"), "trusts other pods"),
        (plain, prod, put("aws_iam_role", "name", "clinic-api-prod-stream-lambda", name="clinic-api-prod-backup"), "1 roles of the function"),
        (plain, service, put("aws_ecs_task_definition", "task_role_arn", None, **worker), "has not the worker's role"),
        (full, service, edit("aws_ecs_task_definition", "container_definitions", '"deliveries"', '"stream,deliveries"', **worker), "has the tasks stream,deliveries"),
        (full, service, edit("aws_ecs_task_definition", "container_definitions", "CLINIC_API_SEARCH_KEYS", "X", family="clinic-api-prod"), "has the secrets"),
        (full, prod, edit(**policy, pattern="search-keys", replacement="x", name="clinic-api-prod-read-secret-keys"), "the execution role may read"),
        (full, prod, edit(**policy, pattern='"dynamodb:ConditionCheckItem"', replacement='"dynamodb:X"', name="clinic-api-prod-backfill"), "may not use ConditionCheckItem"),
        (full, service, put("aws_lb_listener", "port", 80, port=443), "open on [80, 443]"),
        (full, service, lambda applied: applied.one("aws_lb_target_group")["health_check"][0].update(unhealthy_threshold=10), "longer than Kubernetes"),
        (full, service, lambda applied: applied.one("aws_lb_target_group")["health_check"][0].update(timeout=3), "timeout is 3 s"),
        (full, service, put("aws_ecs_service", "health_check_grace_period_seconds", 30, name="clinic-api-prod"), "within a short outage"),
        (full, service, edit("aws_ecs_task_definition", "container_definitions", ',"--live"', "", **worker), "ECS restarts tasks"),
        (full, service, drop("aws_cloudwatch_metric_alarm", alarm_name="clinic-api-prod-too-few-workers"), "is only in the README"),
        (full, service, put("aws_cloudwatch_metric_alarm", "dimensions", {}, alarm_name="clinic-api-prod-task-memory"), "no alarm on MemoryUtilization"),
        (full, service, blind, "no alarm on RunningTaskCount"),
        (full, prod, edit("aws_cloudwatch_metric_alarm", "alarm_description", "system-errors", "x", alarm_name="clinic-api-prod-system-errors"), "no heading"),
        (full, prod, put("aws_cloudwatch_metric_alarm", "alarm_actions", [], alarm_name="clinic-api-prod-system-errors"), "notifies nobody"),
        (full, service, edit("aws_cloudwatch_log_metric_filter", "pattern", "retrying", "x", name="clinic-api-prod-worker-stream-fails"), "no code logs"),
        (full, endpoints, edit("aws_dynamodb_resource_policy", "policy", "aws:SourceVpce", "aws:SourceVpc"), "does not require the endpoint"),
    ]
    for wrong in ("patient", "deleted_appointment"):
        faults.append((full, prod, filtered(lambda ignored, wrong=wrong: ignored.append(wrong)), f"drops INSERT of {wrong}"))
    faults.append((full, prod, filtered(lambda ignored: ignored.remove("day_sheet")), "passes INSERT of day_sheet"))
    if expect.BINARY:
        faults.append((plain, prod, put("aws_dynamodb_table", "range_key", "Sk"), "key schema"))
    for world, name, change, message in faults:
        changed = {**world, name: copy.deepcopy(world[name])}
        change(changed[name])
        arguments = (changed, full) if world is plain else (plain, changed)
        problems = [problem for it in expect.checks(root, *arguments, environments, ecs) for problem in it]
        if not any(message in problem for problem in problems):
            raise SystemExit(f"self-test: no {message!r} in {problems}")
    return len(faults)


def filtered(change):
    """A change of the first filter's list."""

    def apply(applied):
        it = applied.one("aws_lambda_event_source_mapping")["filter_criteria"][0]["filter"][0]
        pattern = json.loads(it["pattern"])
        change(pattern["dynamodb"]["NewImage"]["type"]["S"][0]["anything-but"])
        it["pattern"] = json.dumps(pattern)

    return apply
