#!/usr/bin/env python3
"""Checks the rendered Kubernetes manifests: every overlay, and production with the optional components.

    python3 check.py                    renders and checks everything
    python3 check.py --render DIR       also writes the rendered manifests to DIR, for other checkers
    python3 check.py --binary PATH      also compares the settings with `PATH serve --help` and `PATH worker --help`
    python3 check.py --deploy prod      also fails if a value of that overlay is not filled in

Needs `kustomize` or `kubectl`, and the packages in requirements.txt.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
# The oldest version that supports the manifests (native sleep), and the newest with schemas.
VERSIONS = ["1.30", "1.37"]
# Kinds of operators. Kubernetes has no schema for them, so only name and spec are checked.
CUSTOM = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("external-secrets.io/v1", "ExternalSecret"),
}
ALERTS = HERE.parent / "observability/alerts.yml"
# Created by an operator, never in the repository.
SECRETS = {
    "clinic-api-secret-keys": {"CLINIC_API_SECRET_KEYS"},
    "clinic-api-search-keys": {"CLINIC_API_SEARCH_KEYS"},
}
# The path of the pod template in each kind of workload.
WORKLOADS = {
    "Deployment": ["spec", "template"],
    "StatefulSet": ["spec", "template"],
    "Job": ["spec", "template"],
    "CronJob": ["spec", "jobTemplate", "spec", "template"],
}
# The settings with files of keys, and the commands that need the keys.
KEYS_FILES = {
    "CLINIC_API_SECRET_KEYS_FILE": (["serve"], ["worker"], ["worker", "reseal-secrets"]),
    "CLINIC_API_SEARCH_KEYS_FILE": (["serve"], ["table", "backfill"]),
}
FILL_IN = "FILL-IN"


def build(folder):
    """The manifests that kustomize renders from a folder."""
    tool = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    done = subprocess.run([*tool, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode or "Warning:" in done.stderr:  # kustomize warns of deprecated fields
        sys.exit(f"{' '.join(tool)} {folder}:\n{done.stderr}")
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def renders():
    """Every overlay, and production with all components, by name."""
    made = {folder.name: build(folder) for folder in sorted((HERE / "overlays").iterdir())}
    with tempfile.TemporaryDirectory() as scratch:
        # A copy whose production overlay lists the components, as an operator's does.
        copy = Path(scratch).resolve() / "kubernetes"
        shutil.copytree(HERE, copy)
        file = copy / "overlays/prod/kustomization.yaml"
        kustomization = yaml.safe_load(file.read_text())
        kustomization["components"] = [f"../../components/{c.name}" for c in sorted((HERE / "components").iterdir())]
        file.write_text(yaml.safe_dump(kustomization))
        made["prod-with-components"] = build(file.parent)
    return made


def name(manifest):
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pod_of(workload):
    """The pod template of a workload."""
    for step in WORKLOADS[workload["kind"]]:
        workload = workload[step]
    return workload


def validate(manifest):
    """The violations of the Kubernetes schemas."""
    if (manifest["apiVersion"], manifest["kind"]) in CUSTOM:
        if not manifest.get("spec"):
            yield "has no spec"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"


class Rendered:
    """The manifests of one overlay and their references."""

    def __init__(self, manifests):
        self.all = manifests
        self.pods = {name(m): pod_of(m) for m in manifests if m["kind"] in WORKLOADS}

    def of(self, *kinds):
        return [m for m in self.all if m["kind"] in kinds]

    def has(self, kind, wanted):
        return any(m["metadata"]["name"] == wanted for m in self.of(kind))

    def selected(self, selector):
        """The pod templates that a label selector matches."""
        wanted = (selector or {}).get("matchLabels") or {}
        return [p for p in self.pods.values() if wanted.items() <= p["metadata"]["labels"].items()]

    @staticmethod
    def ports(pod):
        return {p[k] for c in pod["spec"]["containers"] for p in c.get("ports", []) for k in ("name", "containerPort")}

    def problems(self):
        for manifest in self.all:
            yield from ((name(manifest), p) for p in validate(manifest))
        if len({(m["apiVersion"], name(m)) for m in self.all}) != len(self.all):
            yield "all", "a manifest is there twice"
        spaces = {m["metadata"].get("namespace") for m in self.all if m["kind"] not in ("Namespace", "PriorityClass")}
        if len(spaces) != 1 or not self.has("Namespace", *spaces):
            yield "all", f"namespaces: {spaces}"
        for workload in self.of("Deployment", "StatefulSet"):
            if self.selected(workload["spec"]["selector"]) != [workload["spec"]["template"]]:
                yield name(workload), "its selector does not match exactly its own pods"
        for owner, pod in self.pods.items():
            yield from ((owner, p) for p in self.pod_problems(pod))
        for kind, path in (("Service", "selector"), ("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")):
            for manifest in self.of(kind):
                yield from ((name(manifest), p) for p in self.selector_problems(manifest, path))
        for scaler in self.of("HorizontalPodAutoscaler"):
            target = scaler["spec"]["scaleTargetRef"]
            if not self.has(target["kind"], target["name"]):
                yield name(scaler), f"its target {target['name']} does not exist"
            if any("replicas" in d["spec"] for d in self.of("Deployment") if d["metadata"]["name"] == target["name"]):
                yield name(scaler), "a Deployment sets replicas too, and every apply would reset them"
        for ingress in self.of("Ingress"):
            options = {k.partition("/")[2]: v for k, v in ingress["metadata"]["annotations"].items()}
            if options.get("scheme") == "internet-facing" and "wafv2-acl-arn" not in options:
                yield name(ingress), "an internet-facing load balancer needs a web ACL"
            for rule in ingress["spec"]["rules"]:
                for backend in (p["backend"]["service"] for p in rule["http"]["paths"]):
                    yield from ((name(ingress), p) for p in self.service_problems(backend["name"], backend["port"]["name"]))
        for monitor in self.of("ServiceMonitor"):
            wanted = monitor["spec"]["selector"]["matchLabels"].items()
            found = [s for s in self.of("Service") if wanted <= s["metadata"]["labels"].items()]
            for port in (e["port"] for e in monitor["spec"]["endpoints"]):
                if len(found) != 1:
                    yield name(monitor), "it does not select exactly one Service"
                else:
                    yield from ((name(monitor), p) for p in self.service_problems(found[0]["metadata"]["name"], port))
        for rule in self.of("PrometheusRule"):
            if rule["spec"] != yaml.safe_load(ALERTS.read_text()):
                yield name(rule), f"differs from {ALERTS.name}: its first lines show how to update it"

    def service_problems(self, service, port):
        ports = [p["name"] for s in self.of("Service") if s["metadata"]["name"] == service for p in s["spec"]["ports"]]
        if port not in ports:
            yield f"Service {service} has no port {port}"

    def selector_problems(self, manifest, path):
        """Whether pods match it, and whether they have its ports."""
        spec = manifest["spec"]
        selector = {"matchLabels": spec[path]} if manifest["kind"] == "Service" else spec[path]
        pods = self.selected(selector)
        if not pods:
            yield "matches no pod"
        named = [p.get("targetPort", p["port"]) for p in spec.get("ports", [])]
        named += [p["port"] for rule in spec.get("ingress", []) for p in rule.get("ports", [])]
        for port in named:
            yield from (f"no pod has port {port}" for pod in pods if port not in self.ports(pod))
        # The VPC CNI drops or misses policies otherwise.
        if manifest["kind"] == "NetworkPolicy":
            yield from (f"port {port} is not a number" for port in named if not isinstance(port, int))
        if manifest["kind"] == "Service":
            ports = {port["port"] for port in spec["ports"]}.difference(*map(self.ports, pods))
            yield from (f"no pod has the Service's port {port}" for port in sorted(ports))

    def pod_problems(self, pod):
        account = pod["spec"].get("serviceAccountName")
        if account and not self.has("ServiceAccount", account):
            yield f"ServiceAccount {account} does not exist"
        priority = pod["spec"].get("priorityClassName")
        if priority and not self.has("PriorityClass", priority):
            yield f"PriorityClass {priority} does not exist"
        volumes = {v["name"]: v for v in pod["spec"].get("volumes", [])}
        for secret in (v["secret"] for v in volumes.values() if "secret" in v):
            for key in (item["key"] for item in secret["items"]):
                if key not in SECRETS.get(secret["secretName"], ()):
                    yield f"no manifest creates Secret {secret['secretName']} with {key}"
        settings = {}
        for container in pod["spec"]["containers"]:
            for source in container.get("envFrom", []):
                wanted = source["configMapRef"]["name"]
                found = [m["data"] for m in self.of("ConfigMap") if m["metadata"]["name"] == wanted]
                if not found:
                    yield f"ConfigMap {wanted} does not exist"
                settings.update(*found)
            for variable in container.get("env", []):
                if "value" in variable:  # of a component, which cannot merge into the ConfigMap of an overlay
                    continue
                ref = variable["valueFrom"]["secretKeyRef"]
                if ref["key"] not in SECRETS.get(ref["name"], ()):
                    yield f"no manifest creates Secret {ref['name']} with {ref['key']}"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                for action in ("httpGet", "tcpSocket"):
                    port = container.get(probe, {}).get(action, {}).get("port")
                    if port and port not in self.ports(pod):
                        yield f"{probe}: port {port} does not exist"
            claims = {c["metadata"]["name"] for s in self.of("StatefulSet") for c in s["spec"]["volumeClaimTemplates"]}
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes.keys() | claims:
                    yield f"volume {mount['name']} does not exist"
            needed = {setting for setting, commands in KEYS_FILES.items() if container.get("args") in commands}
            for setting in sorted(needed):
                yield from self.keys_problems(setting, pod, container, volumes, settings)
            for setting in sorted(KEYS_FILES.keys() - needed):
                unused = [s for s, keys in SECRETS.items() if setting.removesuffix("_FILE") in keys]
                if any(v.get("secret", {}).get("secretName") in unused for v in volumes.values()):
                    yield f"it has the Secret {unused[0]}, which it does not need"
            if container.get("args") == ["serve"]:
                missing = sorted({"CLINIC_API_ISSUER", "CLINIC_API_AUDIENCE", "CLINIC_API_JWKS_URL"} - set(settings))
                yield from (f"{setting} is not set, so the service does not start" for setting in missing)
            if "preStop" in container.get("lifecycle", {}):
                yield from self.ending_problems(pod, container, settings)

    @staticmethod
    def keys_problems(setting, pod, container, volumes, settings):
        """The file of the keys must be in a volume that the kubelet updates, and its group must be able to read it."""
        path = settings.get(setting)
        if not path:
            yield f"{setting} is not set"
            return
        folder, _, file = path.rpartition("/")
        mounts = [m for m in container.get("volumeMounts", []) if m["mountPath"] == folder]
        if not mounts or "subPath" in mounts[0]:
            yield f"{setting}: no whole volume is mounted at {folder}"
            return
        secret = volumes[mounts[0]["name"]].get("secret", {})
        if file not in [item["path"] for item in secret.get("items", [])]:
            yield f"{setting}: the volume at {folder} has no {file}"
        elif secret.get("defaultMode") != 0o440 or "fsGroup" not in pod["spec"]["securityContext"]:
            yield f"{setting}: its mode is not 0440, or its group is not the pod's"

    @staticmethod
    def ending_problems(pod, container, settings):
        """Sleep, shutdown delay and drain timeout must fit into the grace period, with a margin of 10 seconds."""
        steps = [container["lifecycle"]["preStop"]["sleep"]["seconds"]]
        waits = [settings.get(s, "not set") for s in ("CLINIC_API_SHUTDOWN_DELAY", "CLINIC_API_DRAIN_TIMEOUT")]
        if not all(re.fullmatch(r"\d+s", wait) for wait in waits):
            yield f"delay and drain timeout are not whole seconds: {waits}"
            return
        steps += [int(wait.removesuffix("s")) for wait in waits]
        grace = pod["spec"]["terminationGracePeriodSeconds"]
        if sum(steps) + 10 > grace:
            yield f"the shutdown takes {' + '.join(map(str, steps))} s, but the grace period is {grace} s"

    def settings(self):
        """The names of all settings of the service."""
        names = {k for m in self.of("ConfigMap") for k in m["data"]}
        names |= {v["name"] for p in self.pods.values() for c in p["spec"]["containers"] for v in c.get("env", [])}
        return {n for n in names if n.startswith("CLINIC_API_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", type=Path)
    parser.add_argument("--binary", type=Path)
    parser.add_argument("--deploy", choices=[f.name for f in (HERE / "overlays").iterdir()])
    options = parser.parse_args()

    failed = 0
    known = None
    if options.binary:
        known = set()
        for command in ("serve", "worker"):
            told = subprocess.run([options.binary, command, "--help"], capture_output=True, text=True, check=True).stdout
            known |= set(re.findall(r"\[env: (\w+)", told))
    for overlay, manifests in renders().items():
        rendered = Rendered(manifests)
        problems = list(rendered.problems())
        if known is not None:
            problems += [("settings", f"the binary does not know {s}") for s in sorted(rendered.settings() - known)]
        if overlay == options.deploy:
            for manifest in manifests:
                left = [line for line in yaml.safe_dump(manifest).splitlines() if FILL_IN in line]
                problems += [(name(manifest), f"not filled in: {line.strip()}") for line in left]
        if options.render:
            options.render.mkdir(parents=True, exist_ok=True)
            (options.render / f"{overlay}.yaml").write_text(yaml.safe_dump_all(manifests, sort_keys=False))
        for where, problem in problems:
            print(f"{overlay}: {where}: {problem}")
        failed += len(problems)
        print(f"{overlay}: {len(manifests)} manifests, {len(problems)} problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
