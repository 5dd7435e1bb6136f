#!/usr/bin/env python3
"""Checks names as `terraform validate` does, without a provider.

Every reference must have a declaration in the same folder. Every module call must pass all required variables and only
declared ones, and only declared outputs may be used.

    check_references.py FOLDER...      checks each folder, its subfolders and every module that they call (needs python-hcl2)
    check_references.py --self-test    checks that broken references are found
"""

import re
import sys
import tempfile
from pathlib import Path

import hcl2

INDEX = r"(?:\[[^\[\]]*\])?"
ROOT = r"(?<![\w.])(var|local|module|data|[a-z0-9]+_[a-z0-9_]+)"
# A lookahead, so that references inside an index are found too.
REFERENCE = re.compile(rf"(?={ROOT}({INDEX}(?:\.[a-zA-Z_][\w-]*{INDEX})+))")
META = {"source", "version", "count", "for_each", "depends_on", "providers"}


def load(folder):
    """All blocks of the folder's files, by kind."""
    blocks = {}
    for path in sorted(folder.glob("*.tf")):
        for kind, found in hcl2.loads(path.read_text()).items():
            blocks.setdefault(kind, []).extend(found)
    return blocks


def labelled(blocks, kind, labels=1):
    """The blocks of a kind by their label, or by "type.name" where they have two."""
    if labels == 2:
        return {f"{type_}.{name}" for type_, inner in labelled(blocks, kind).items() for name in inner}
    found = {}
    for block in blocks.get(kind, []):
        for label, body in block.items():
            body = {key.strip('"'): value for key, value in body.items()}
            found[label.strip('"')] = {**found.get(label.strip('"'), {}), **body}
    return found


def texts(node):
    """Every text below a node, except comments."""
    if isinstance(node, dict):
        for key, value in node.items():
            if not key.startswith("__"):
                yield key
                yield from texts(value)
    elif isinstance(node, list):
        yield from (text for value in node for text in texts(value))
    elif isinstance(node, str):
        yield node


def code(text):
    """The text without quoted literals. Only the rest can contain references."""
    kept, nesting = [], []
    for token in re.findall(r"\\.|[$%]\{|.", text, re.DOTALL):
        in_string = nesting[-1:] == ['"']
        kept.append(" " if in_string else token)
        if token in ("${", "%{") or (token == "{" and not in_string):
            nesting.append("{")
        elif token == '"' and not in_string:
            nesting.append('"')
        elif (token == '"' and in_string) or (token == "}" and nesting and not in_string):
            nesting.pop()
    return "".join(kept)


def reached(folders):
    """The folders and, recursively, those of the modules that they call; each once."""
    found, left = set(), [folder.resolve() for folder in folders]
    while left:
        folder = left.pop()
        if folder not in found:
            found.add(folder)
            calls = labelled(load(folder), "module").values()
            left += [(folder / call["source"].strip('"')).resolve() for call in calls]
    return found


def check(folder):
    """The problems of one folder."""
    blocks = load(folder)
    declared = {
        "var": set(labelled(blocks, "variable")),
        "local": {name for block in blocks.get("locals", []) for name in block},
        "module": labelled(blocks, "module"),
        "data": labelled(blocks, "data", 2),
        "resource": labelled(blocks, "resource", 2),
    }
    outputs, wrong = {}, []
    for name, call in declared["module"].items():
        source = call["source"].strip('"')
        target = load(folder / source)
        outputs[name] = set(labelled(target, "output"))
        variables = labelled(target, "variable")
        passed = {key for key in call if not key.startswith("__")} - META
        required = {key for key, body in variables.items() if "default" not in body}
        wrong += [f"module.{name}: passes undeclared {key}" for key in sorted(passed - set(variables))]
        wrong += [f"module.{name}: lacks required {key}" for key in sorted(required - passed)]
        if not variables and not outputs[name]:
            wrong.append(f"module.{name}: nothing at {source}")

    for text in texts({kind: found for kind, found in blocks.items() if kind != "__comments__"}):
        for root, rest in REFERENCE.findall(code(text)):
            path = re.sub(r"\[[^\[\]]*\]", "", rest).strip(".").split(".")
            if root in ("var", "local", "module") and path[0] not in declared[root]:
                wrong.append(f"{root}.{path[0]}: not declared")
            elif root == "module" and len(path) > 1 and path[1] not in outputs.get(path[0], path):
                wrong.append(f"module.{path[0]}.{path[1]}: no such output")
            elif root == "data" and ".".join(path[:2]) not in declared["data"]:
                wrong.append(f"data.{'.'.join(path[:2])}: not declared")
            elif root.startswith("aws_") and f"{root}.{path[0]}" not in declared["resource"]:
                wrong.append(f"{root}.{path[0]}: not declared")
    return [f"{folder}: {problem}" for problem in sorted(set(wrong))]


def self_test():
    """Each broken line is reported, and the valid lines are not."""
    module = 'variable "need" {}\nvariable "may" { default = 1 }\noutput "out" { value = var.need }\n'
    sound = 'variable "a" {}\nlocals { b = "${var.a}.example" }\ndata "aws_region" "now" {}\nresource "aws_sns_topic" "t" { name = "var.no ${local.b}" }\n'
    call = 'module "m" {\n  source = "./m"\n  need = data.aws_region.now.region\n}\noutput "o" { value = [module.m.out, one(aws_sns_topic.t[*].arn)] }\n'
    broken = {
        "var.x: not declared": 'locals { y = var.x }',
        "local.x: not declared": 'locals { y = "a-${local.x}" }',
        "var.z: not declared": 'locals { y = { "k${local.b}" = local.b[var.z] } }',
        "data.aws_region.x: not declared": "locals { y = data.aws_region.x.region }",
        "aws_sns_topic.x: not declared": "locals { y = aws_sns_topic.x[*].arn }",
        "module.x: not declared": "locals { y = module.x.out }",
        "module.m.x: no such output": "locals { y = module.m[0].x }",
        "module.n: passes undeclared x": 'module "n" {\n  source = "./m"\n  need = 1\n  x = 1\n}',
        "module.n: lacks required need": 'module "n" {\n  source = "./m"\n}',
        "module.n: nothing at ./x": 'module "n" {\n  source = "./x"\n}',
    }
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "m").mkdir()
        (folder / "m" / "main.tf").write_text(module)
        (folder / "main.tf").write_text(sound + call)
        assert check(folder) == [], check(folder)
        for problem, line in broken.items():
            (folder / "broken.tf").write_text(line + "\n")
            assert check(folder) == [f"{folder}: {problem}"], (problem, check(folder))
        # A nested module outside the given folder.
        outer = folder / "outer"
        outer.mkdir()
        (outer / "main.tf").write_text('module "o" {\n  source = "../middle"\n}\n')
        (folder / "middle").mkdir()
        (folder / "middle" / "main.tf").write_text('module "n" {\n  source = "../m"\n}\noutput "p" { value = module.n }\n')
        nested = [problem for inner in reached([outer]) for problem in check(inner)]
        assert nested == [f"{(folder / 'middle').resolve()}: module.n: lacks required need"], nested
    print(f"self-test: {len(broken) + 1} broken references found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = [path for root in sys.argv[1:] for path in Path(root).rglob("*.tf")]
    folders = {path.parent for path in found if ".terraform" not in path.parts}
    if not folders:
        sys.exit(__doc__)
    folders = reached(folders)
    wrong = [problem for folder in sorted(folders) for problem in check(folder)]
    sys.exit("\n".join(wrong) or print(f"{len(folders)} folders: all references are valid"))


if __name__ == "__main__":
    main()
