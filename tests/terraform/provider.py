"""A provider in place of hashicorp/aws, without AWS: it has the same schema, and what it creates exists in memory.

It computes aws_iam_policy_document as the real one does. Other computed attributes get invented values of the right type,
which are the same in every run. `serve` returns the value of TF_REATTACH_PROVIDERS.
"""

import copy
import json
import os
import sys
from concurrent import futures
from pathlib import Path

import grpc
import msgpack

sys.path.insert(0, str(Path(__file__).parent))
wire = grpc.protos("tfplugin6.proto")

ACCOUNT = "111122223333"
UNKNOWN = msgpack.ExtType(0, b"\0")
PARTITION = {"partition": "aws", "dns_suffix": "amazonaws.com", "reverse_dns_prefix": "com.amazonaws"}
# Services whose ARNs do not have the form arn:aws:SERVICE:REGION:ACCOUNT:NAME.
ARNS = {
    "aws_dynamodb_table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "aws_iam_policy": "arn:aws:iam::{account}:policy/{name}",
    "aws_iam_role": "arn:aws:iam::{account}:role/{name}",
    "aws_s3_bucket": "arn:aws:s3:::{name}",
}


def decode(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=lambda code, data: UNKNOWN)
    return json.loads(value.json or b"null")


def encode(value):
    return wire.DynamicValue(msgpack=msgpack.packb(value))


def block_message(block):
    attributes, blocks = block
    modes = {"single": 1, "list": 2, "set": 3}
    message = wire.Schema.Block()
    for name, (type_, computed, optional, required) in attributes.items():
        message.attributes.add(name=name, type=json.dumps(type_).encode(), required=required, optional=optional, computed=computed)
    for name, (inner, mode, low, high) in blocks.items():
        message.block_types.add(type_name=name, block=block_message(inner), nesting=modes[mode], min_items=low, max_items=high)
    return message


def computed(block, value, make):
    """The value, with make(name, type) for every computed attribute that has none."""
    attributes, blocks = block
    for name, (type_, is_computed, *_) in attributes.items():
        if value.get(name) in (None, UNKNOWN) and is_computed:
            value[name] = make(name, type_)
    for name, (inner, *_) in blocks.items():
        nested = value.get(name)
        for item in nested if isinstance(nested, list) else [nested] if isinstance(nested, dict) else []:
            computed(inner, item, make)
    return value


def satisfied(config, state):
    """Whether the state has everything that the configuration sets. Sets are in any order."""
    if config is None:
        return True
    if isinstance(config, dict) and isinstance(state, dict):
        return all(satisfied(value, state.get(name)) for name, value in config.items())
    if isinstance(config, list) and isinstance(state, list):
        return len(config) == len(state) and all(any(satisfied(it, other) for other in state) for it in config)
    return config == state


def listed(values):
    values = sorted(values)
    return values[0] if len(values) == 1 else values


def statement(given):
    """One statement of aws_iam_policy_document."""
    made = {"Sid": given["sid"], "Effect": given["effect"] or "Allow"}
    for attribute, key in [("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"), ("not_resources", "NotResource")]:
        if given[attribute]:
            made[key] = listed(given[attribute])
    for attribute, key in [("principals", "Principal"), ("not_principals", "NotPrincipal")]:
        for principal in given[attribute]:
            made.setdefault(key, {}).setdefault(principal["type"], []).extend(principal["identifiers"])
    for condition in given["condition"]:
        made.setdefault("Condition", {}).setdefault(condition["test"], {})[condition["variable"]] = listed(condition["values"])
    return {key: value for key, value in made.items() if value}


def policy_document(given):
    """A later statement replaces an earlier one with the same Sid. Source documents must not repeat one."""
    found = [it for source in given["source_policy_documents"] or [] for it in json.loads(source)["Statement"]]
    sids = [it["Sid"] for it in found if "Sid" in it]
    if len(sids) != len(set(sids)):
        raise ValueError(f"duplicate Sid in source_policy_documents: {sids}")
    for new in map(statement, given["statement"]):
        found = [it for it in found if "Sid" not in new or it.get("Sid") != new["Sid"]] + [new]
    return json.dumps({"Version": "2012-10-17", "Statement": found}, indent=2)


class Provider:
    def __init__(self, schemas):
        self.schemas = schemas
        self.region = "eu-central-1"
        self.tables = {}

    # What Terraform asks

    def schema(self, _):
        answer = wire.SchemaResponse()
        for (kind, name), block in self.schemas.items():
            message = wire.Schema(block=block_message(block))
            if kind == "provider":
                answer.provider.CopyFrom(message)
            else:
                (answer.resource_schemas if kind == "resource" else answer.data_source_schemas)[name].CopyFrom(message)
        return answer

    def configure(self, request):
        self.region = decode(request.config)["region"]
        return wire.Empty()

    def upgrade(self, request):
        return wire.UpgradeResponse(upgraded_state=wire.DynamicValue(json=request.raw_state.json))

    def read(self, request):
        return wire.ReadResponse(new_state=request.current_state)

    def plan(self, request):
        proposed, prior = decode(request.proposed_new_state), decode(request.prior_state)
        if proposed is not None and prior is not None and satisfied(decode(request.config), prior):
            proposed = prior
        elif proposed is not None:
            computed(self.schemas["resource", request.type_name], proposed, lambda *_: UNKNOWN)
        return wire.PlanResponse(planned_state=encode(proposed), legacy_type_system=True)

    def apply(self, request):
        state = decode(request.planned_state)
        if state is not None:
            state = computed(self.schemas["resource", request.type_name], state, self.inventor(request.type_name, state))
            if request.type_name == "aws_dynamodb_table":
                self.tables[state["name"]] = copy.deepcopy(state)
        return wire.ApplyResponse(new_state=encode(state), legacy_type_system=True)

    def read_data(self, request):
        kind, given = request.type_name, decode(request.config)
        answer = wire.ReadDataResponse()
        try:
            given.update(self.data(kind, given))
        except ValueError as error:
            answer.diagnostics.add(severity=1, summary=str(error))
            return answer
        answer.state.CopyFrom(encode(computed(self.schemas["data", kind], given, self.inventor(kind, given))))
        return answer

    # What exists

    def data(self, kind, given):
        if kind == "aws_iam_policy_document":
            return {"json": policy_document(given)}
        if kind == "aws_dynamodb_table":
            attributes = self.schemas["data", kind][0]
            return {name: value for name, value in self.tables[given["name"]].items() if name in attributes and name != "timeouts"}
        return {
            "aws_caller_identity": {"account_id": ACCOUNT},
            "aws_region": {"region": self.region, "name": self.region},
            "aws_partition": PARTITION,
            "aws_dynamodb_tables": {"names": sorted(self.tables)},
        }.get(kind, {})

    def inventor(self, kind, known):
        """Makes values for computed attributes."""
        named = [known.get(key) for key in ("name", "bucket", "function_name", "alarm_name", "family", "alias")]
        name = next((it for it in named if isinstance(it, str)), f"{kind.removeprefix('aws_')}-{len(json.dumps(known, default=str))}")
        service = kind.split("_")[1]
        arn = ARNS.get(kind, f"arn:aws:{service}:{{region}}:{{account}}:{{name}}").format(region=self.region, account=ACCOUNT, name=name)

        def make(attribute, type_):
            if attribute in ("arn", "invoke_arn") or (kind == "aws_iam_policy" and attribute == "id"):
                return arn
            if attribute == "stream_arn":
                return f"{arn}/stream/2026-01-01T00:00:00.000"
            if attribute == "id":
                return name
            if attribute == "region":
                return self.region
            if isinstance(type_, list):
                return {} if type_[0] == "map" else []
            return {"number": 0, "bool": False}.get(type_, f"{attribute.replace('_', '-')}-of-{name}")

        return make


def serve(schemas, folder):
    """Starts the provider. Returns it and the environment that makes Terraform use it."""
    provider = Provider(schemas)
    calls = {
        "GetProviderSchema": (provider.schema, wire.Empty),
        "ConfigureProvider": (provider.configure, wire.ConfigureRequest),
        "UpgradeResourceState": (provider.upgrade, wire.UpgradeRequest),
        "ReadResource": (provider.read, wire.ReadRequest),
        "PlanResourceChange": (provider.plan, wire.PlanRequest),
        "ApplyResourceChange": (provider.apply, wire.ApplyRequest),
        "ReadDataSource": (provider.read_data, wire.ReadDataRequest),
    }
    # Terraform itself checks a configuration against the schema.
    for name in ("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "StopProvider"):
        calls[name] = (lambda _: wire.Empty(), wire.Empty)
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            lambda request, _, answer=answer: answer(request), request.FromString, lambda message: message.SerializeToString()
        )
        for name, (answer, request) in calls.items()
    }
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)])
    socket = str(Path(folder) / "provider.sock")
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    address = {"Network": "unix", "String": socket}
    plugin = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    provider.server = server
    return provider, {"TF_REATTACH_PROVIDERS": json.dumps({"registry.terraform.io/hashicorp/aws": plugin})}
