"""What the applied Terraform must have. Each check yields the problems that it finds."""

import json
import os
import re
from fnmatch import fnmatchcase

import dynamodb

ACCOUNT = "111122223333"
BINARY = os.environ.get("CLINIC_API_BINARY")
# Structs with audited changes in the code, and their item types.
AUDITED = {
    "Appointment": "appointment",
    "AvailabilityException": "exception",
    "Clinic": "clinic",
    "Patient": "patient",
    "Resource": "resource",
    "StaffMember": "staff",
    "VisitType": "visit_type",
}
# Of these types the stream's consumer processes new items only (src/worker/change.rs, accesses.rs).
NEW_ONLY = {"access_request", "deleted_appointment"}
# Which roles of the table may use an action. All others may not.
ALLOWED = {"dynamodb:Scan": {"backfill", "export", "reseal"}, "dynamodb:DeleteTable": set(), "dynamodb:UpdateTable": set(), "dynamodb:PutResourcePolicy": set()}


class Applied:
    """The resources of one root's state."""

    def __init__(self, state):
        self.outputs = {name: it["value"] for name, it in state.get("outputs", {}).items()}
        self.resources = []
        waiting = [state["root_module"]]
        while waiting:
            module = waiting.pop()
            self.resources += [it for it in module.get("resources", []) if it["mode"] == "managed"]
            waiting += module.get("child_modules", [])

    def all(self, kind):
        return [it["values"] for it in self.resources if it["type"] == kind]

    def one(self, kind, **wanted):
        found = [it for it in self.all(kind) if all(it[name] == value for name, value in wanted.items())]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources {kind} {wanted}")
        return found[0]


def listed(value):
    return value if isinstance(value, list) else [value]


# The table


def table_is_the_programs(applied):
    table = applied.one("aws_dynamodb_table")
    if BINARY:
        yield from dynamodb.differences(BINARY, table)
    for name in ("deletion_protection_enabled", "stream_enabled"):
        if not table[name]:
            yield f"table: {name} is off"
    if not table["point_in_time_recovery"][0]["enabled"] or not table["server_side_encryption"][0]["kms_key_arn"]:
        yield "table: no point-in-time recovery or no customer-managed key"


# Roles


def statements(applied, role):
    """Every statement of the role's policies."""
    arns = [it["policy_arn"] for it in applied.all("aws_iam_role_policy_attachment") if it["role"] == role]
    documents = [it["policy"] for it in applied.all("aws_iam_policy") if it["arn"] in arns]
    documents += [it["policy"] for it in applied.all("aws_iam_role_policy") if it["role"] == role]
    return [statement for document in documents for statement in json.loads(document)["Statement"]]


def has(found, effect, action):
    matching = [it for it in found if it["Effect"] == effect and "Condition" not in it]
    patterns = [pattern for it in matching for pattern in listed(it.get("Action", []))]
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns) or any("NotAction" in it for it in matching)


def roles_have_no_more_than_they_need(applied):
    for role in applied.all("aws_iam_role"):
        found, kind = statements(applied, role["name"]), role["name"].rsplit("-", 1)[-1]
        for action, allowed in ALLOWED.items():
            if has(found, "Allow", action) and kind not in allowed:
                yield f"{role['name']} may {action}"
            if kind in ("service", "worker", "lambda") and not has(found, "Deny", action):
                yield f"{role['name']}: {action} is not denied"
        for statement in json.loads(role["assume_role_policy"])["Statement"]:
            service, condition = statement["Principal"].get("Service"), statement.get("Condition", {}).get("StringEquals", {})
            if service == ["pods.eks.amazonaws.com"]:
                tags = {"aws:RequestTag/eks-cluster-arn", "aws:RequestTag/kubernetes-namespace", "aws:RequestTag/kubernetes-service-account"}
                if set(condition) != tags or "sts:TagSession" not in statement["Action"]:
                    yield f"{role['name']}: trusts other pods, or lacks sts:TagSession"
            elif service and condition.get("aws:SourceAccount") != ACCOUNT:
                yield f"{role['name']} trusts {service} for other accounts"


def roles_for_a_step_put_their_items_only(applied):
    for role, wanted in [("reseal", "WEBHOOKS#*"), ("export", "ACCESS#*")]:
        found = statements(applied, f"clinic-api-prod-{role}")
        puts = [it for it in found if it["Effect"] == "Allow" and "dynamodb:PutItem" in listed(it["Action"])]
        keys = [it.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys") for it in puts]
        if keys != [wanted]:
            yield f"the {role} role may put items with the keys {keys}"
        if any(has(found, "Allow", f"dynamodb:{action}") for action in ("UpdateItem", "DeleteItem", "BatchWriteItem")):
            yield f"the {role} role may update or delete items"


def nobody_changes_the_audit_log(applied):
    """A role that may change items of a table is denied to change those of the audit log and the access log."""
    for role in applied.all("aws_iam_role"):
        found = statements(applied, role["name"])
        logs = [it for it in found if it["Effect"] == "Deny" and "AUDIT#*" in str(it.get("Condition", {})) and "ACCESS#*" in str(it)]
        safe = {arn for it in logs if "dynamodb:UpdateItem" in it["Action"] for arn in listed(it["Resource"])}
        for it in found:
            changes = {"dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(listed(it.get("Action", [])))
            open_ = {arn for arn in listed(it.get("Resource", [])) if "/index/" not in arn} - safe
            if it["Effect"] == "Allow" and changes and open_:
                yield f"{role['name']} may change the logs of {sorted(open_)}"


def lambda_role_exists_only_with_the_function(plain, full):
    for applied, expected in [(plain, 0), (full, 1)]:
        found = [it for it in applied.all("aws_iam_role") if it["name"].endswith("-stream-lambda")]
        if len(found) != expected or len(applied.all("aws_lambda_function")) != expected:
            yield f"{len(found)} roles of the function instead of {expected}"


# The stream


def matches(pattern, value):
    """Lambda's rules for a filter pattern, as far as the patterns here use them."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(name in value and matches(inner, value[name]) for name, inner in pattern.items())
    return any(value not in it["anything-but"] if isinstance(it, dict) else value == it for it in pattern)


def filter_drops_exactly_what_is_ignored(applied, root):
    mapping = applied.one("aws_lambda_event_source_mapping")
    patterns = [json.loads(it["pattern"]) for it in mapping["filter_criteria"][0]["filter"]]
    if any(set(pattern) != {"dynamodb"} for pattern in patterns) or not 1 <= len(patterns) <= 5:
        yield "the mapping's filters are not valid for DynamoDB"
    rust = "\n".join(path.read_text() for path in sorted((root / "src").rglob("*.rs")) if path.name != "tests.rs")
    texts = re.findall(r'const (\w+): &(?:\'static )?str = "(\w+)"', rust)
    types = {text for name, text in texts if name == "TYPE"}
    # Types without a struct.
    types |= {dict(texts)[name] for name in re.findall(r"ItemType::never_rewritten\((\w+)\)", rust)}
    audited = {AUDITED.get(name, f"unknown {name}") for name in re.findall(r"ItemType::audited::<(\w+)>", rust)}
    if audited != set(AUDITED.values()) or not audited | NEW_ONLY < types:
        yield f"the audited types are {sorted(audited)}: update AUDITED"
    for type_ in sorted(types | {"a_later_release"}):
        old, new = ({name: {"type": {"S": type_}}} for name in ("OldImage", "NewImage"))
        for event, images in [("INSERT", new), ("MODIFY", old | new), ("REMOVE", old)]:
            passes = any(matches(pattern, {"dynamodb": images}) for pattern in patterns)
            needed = type_ in audited or type_ == "a_later_release" or (type_ in NEW_ONLY and event == "INSERT")
            # An item that is written once is never modified.
            if passes != needed and not (type_ in NEW_ONLY and event == "MODIFY"):
                yield f"the filter {'passes' if passes else 'drops'} {event} of {type_}"


# Keys


def services_get_the_keys_that_they_use(environment, ecs):
    """The worker has the secret keys alone. The execution role may read both secrets, and no others."""
    arns = {name: environment.outputs["environment"][f"{name}_keys_secret_arn"] for name in ("secret", "search")}
    for family, names in [("clinic-api-prod", {"secret", "search"}), ("clinic-api-prod-worker", {"secret"})]:
        container = json.loads(ecs.one("aws_ecs_task_definition", family=family)["container_definitions"])[0]
        found = {it["name"]: it["valueFrom"] for it in container["secrets"]}
        if found != {f"CLINIC_API_{name.upper()}_KEYS": arns[name] for name in names}:
            yield f"{family} has the secrets {found}"
    policy = json.loads(environment.one("aws_iam_policy", name="clinic-api-prod-read-secret-keys")["policy"])["Statement"]
    read = [it for it in policy if it["Action"] == "secretsmanager:GetSecretValue"]
    if [sorted(it["Resource"]) for it in read] != [sorted(arns.values())]:
        yield f"the execution role may read {read}"


def backfill_moves_search_items(applied):
    table = applied.one("aws_dynamodb_table")["arn"]
    found = [it for it in statements(applied, "clinic-api-prod-backfill") if table in listed(it["Resource"])]
    for action in ("PutItem", "DeleteItem", "ConditionCheckItem"):
        if not has(found, "Allow", f"dynamodb:{action}"):
            yield f"the backfill role may not use {action}, which moves search items"


# Tasks on ECS


def workers_have_roles_and_tasks(environment, ecs, tasks):
    worker = ecs.one("aws_ecs_task_definition", family="clinic-api-prod-worker")
    if worker["task_role_arn"] is None or worker["task_role_arn"] != environment.outputs["environment"]["worker_role_arn"]:
        yield "the worker's task has not the worker's role"
    container = json.loads(worker["container_definitions"])[0]
    found = {it["name"]: it["value"] for it in container["environment"]}["CLINIC_API_WORKER_TASKS"]
    if found != tasks:
        yield f"the worker has the tasks {found} instead of {tasks}"


def only_https_is_open(ecs):
    ports = {it["port"] for it in ecs.all("aws_lb_listener")}
    group = ecs.one("aws_security_group", name="clinic-api-prod-load-balancer")["id"]
    ports |= {it["from_port"] for it in ecs.all("aws_vpc_security_group_ingress_rule") if it["security_group_id"] == group}
    if ports != {443}:
        yield f"the load balancer is open on {sorted(ports)}"


def health_checks_fit_together(ecs):
    """A task without the table leaves the load balancer in seconds. An outage of the table for all of them restarts none."""
    check = ecs.one("aws_lb_target_group")["health_check"][0]
    if check["path"] != "/readyz" or check["interval"] * check["unhealthy_threshold"] > 10:
        yield f"the load balancer needs longer than Kubernetes: {check}"
    # The service answers within 3.6 s (src/operations/readiness.rs), and AWS wants the timeout below the interval.
    if not 3.6 < check["timeout"] < check["interval"]:
        yield f"the load balancer's timeout is {check['timeout']} s"
    if ecs.one("aws_ecs_service", name="clinic-api-prod")["health_check_grace_period_seconds"] < 300:
        yield "ECS replaces new tasks within a short outage of the table"
    for task in ecs.all("aws_ecs_task_definition"):
        if "--live" not in json.loads(task["container_definitions"])[0]["healthCheck"]["command"]:
            yield f"{task['family']}: ECS restarts tasks in an outage of the table"


# Alarms


def alarms_are_as_documented(applied, name, readme, runbook):
    found = {it["alarm_name"] for it in applied.all("aws_cloudwatch_metric_alarm")}
    documented = {it.replace("NAME", name) for it in re.findall(r"`(NAME-[a-z0-9-]+)`", readme)}
    for alarm in sorted(found ^ documented):
        yield f"{alarm} is only in {'Terraform' if alarm in found else 'the README'}"
    for alarm in applied.all("aws_cloudwatch_metric_alarm"):
        heading = re.search(r"heading ([a-z0-9-]+)\.$", alarm["alarm_description"])
        if not heading or f"\n### {heading[1]}\n" not in runbook:
            yield f"{alarm['alarm_name']} leads to no heading of the runbook"
        if not alarm["alarm_actions"] or not alarm["ok_actions"]:
            yield f"{alarm['alarm_name']} notifies nobody"


def every_service_has_alarms_on_its_tasks(ecs):
    """Nothing else shows tasks that are killed for lack of memory and replaced."""
    alarms = ecs.all("aws_cloudwatch_metric_alarm")
    watched = {(it["metric_name"], (it["dimensions"] or {}).get("ServiceName")) for it in alarms}
    for queries in (it["metric_query"] for it in alarms):
        watched |= {(it["metric"][0]["metric_name"], it["metric"][0]["dimensions"].get("ServiceName")) for it in queries if it["metric"]}
    for service in (it["name"] for it in ecs.all("aws_ecs_service")):
        for metric in ("MemoryUtilization", "DesiredTaskCount", "RunningTaskCount"):
            if (metric, service) not in watched:
                yield f"{service}: no alarm on {metric}"


def log_filters_look_for_lines_that_are_logged(applied, root):
    rust = "\n".join(path.read_text() for path in (root / "src").rglob("*.rs"))
    for it in applied.all("aws_cloudwatch_log_metric_filter"):
        messages = re.findall(r'\$\.message = "([^"]*)"', it["pattern"])
        if not messages or any(f'"{message}"' not in rust for message in messages):
            yield f"{it['name']}: no code logs {it['pattern']}"


# Restricting the table to an endpoint


def table_admits_only_the_endpoint(applied):
    policy = json.loads(applied.one("aws_dynamodb_resource_policy")["policy"])["Statement"][0]
    endpoint = applied.outputs["dynamodb_endpoint_id"]
    if policy["Effect"] != "Deny" or policy["Condition"]["StringNotEquals"] != {"aws:SourceVpce": endpoint}:
        yield "the table's policy does not require the endpoint"


def checks(root, plain, full, environments, ecs):
    """Every check with its findings, not yet computed."""
    prod, service, endpoints = f"{environments}/prod", f"{ecs}/prod", f"{ecs}/vpc-endpoints"
    runbook = (root / "docs/runbook.md").read_text()
    readmes = {it: (root / it / "README.md").read_text() for it in ("migrations-terraform", "deploy/ecs")}
    yield table_is_the_programs(plain[prod])
    for applied in (plain[f"{environments}/dev"], plain[prod], plain[service], full[prod], full[service]):
        yield roles_have_no_more_than_they_need(applied)
    for applied in (plain[prod], full[prod]):
        yield nobody_changes_the_audit_log(applied)
    yield roles_for_a_step_put_their_items_only(full[prod])
    yield services_get_the_keys_that_they_use(full[prod], full[service])
    yield backfill_moves_search_items(full[prod])
    yield lambda_role_exists_only_with_the_function(plain[prod], full[prod])
    yield filter_drops_exactly_what_is_ignored(full[prod], root)
    yield workers_have_roles_and_tasks(plain[prod], plain[service], "stream,deliveries")
    yield workers_have_roles_and_tasks(full[prod], full[service], "deliveries")
    yield only_https_is_open(full[service])
    yield health_checks_fit_together(full[service])
    yield alarms_are_as_documented(full[prod], "clinic-api-prod", readmes["migrations-terraform"], runbook)
    yield alarms_are_as_documented(full[service], "clinic-api-prod", readmes["deploy/ecs"], runbook)
    yield every_service_has_alarms_on_its_tasks(full[service])
    yield log_filters_look_for_lines_that_are_logged(full[prod], root)
    yield log_filters_look_for_lines_that_are_logged(full[service], root)
    yield table_admits_only_the_endpoint(full[endpoints])


def check(*arguments):
    """The number of checks. Exits if one finds a problem."""
    found = [list(it) for it in checks(*arguments)]
    if problems := [problem for it in found for problem in it]:
        raise SystemExit("\n".join(problems))
    return len(found)
