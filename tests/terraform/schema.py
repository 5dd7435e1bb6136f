"""The AWS provider's schema, from the npm package @cdktn/provider-aws.

The package has one file of TypeScript per resource and data source, in the source map of its JavaScript. Comments and
generated functions of these files state type and kind of every attribute and block. What they do not state: defaults,
which changes replace a resource, and rules about values.
"""

import base64
import json
import re
import tarfile

PRIMITIVES = {"String": "string", "Number": "number", "Boolean": "bool"}
# name, computed, optional, required, and the code up to the next such comment
ATTRIBUTE = re.compile(r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(.*?)(?=\n  // \w+ - computed|\n  // ==|\Z)", re.S)
CLASS = re.compile(r"\nexport class (\w+) extends cdktn\.(\w+) \{(.*?)(?=\nexport |\Z)", re.S)
TO_HCL = re.compile(r"\nexport function (\w+)ToHclTerraform\((.*?)\n\}", re.S)
# The value's code, whether it is a block, and how it nests.
ENTRY = re.compile(r"\n +(\w+): \{\n +value: (.*?),\n +isBlock: (\w+),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"")
ACCESS = re.compile(r"(tolist\()?this\.get(String|Number|Boolean|List|NumberList|StringMap|NumberMap|BooleanMap|Any\w*)Attribute")
PROVIDER_BLOCK = re.compile(r"Mapper\w*\((\w+)ToHclTerraform, true\)")
NESTED = re.compile(r"new (\w+?)(List|OutputReference|Map)\(this, \"\w+\"(?:, (true|false))?\)")


def folder_of(kind, name):
    """The package's folder of a resource (aws_x_y), a data source or the provider."""
    name = name.removeprefix("aws_").replace("_", "-")
    return {"provider": "provider", "resource": name, "data": f"data-aws-{name}"}[kind]


def sources(package, folders):
    """The TypeScript of each folder that exists in the package."""
    found = {}
    with tarfile.open(package) as files:
        for member in files:
            folder = member.name.split("/")[-2]
            if folder in folders and member.name.endswith("/index.js") and member.name.count("/") == 3:
                script = files.extractfile(member).read().decode()
                encoded = script.rsplit("base64,", 1)[1]
                found[folder] = json.loads(base64.b64decode(encoded))["sourcesContent"][0]
    return found


class Source:
    """The schema of one file."""

    def __init__(self, text):
        self.classes = {name: (base, body) for name, base, body in CLASS.findall(text)}
        self.entries = {name.lower(): ENTRY.findall(body) for name, body in TO_HCL.findall(text)}

    def schema(self):
        bases = ("TerraformResource", "TerraformDataSource", "TerraformProvider")
        body = next(body for base, body in self.classes.values() if base in bases)
        if "extends" in body or not ATTRIBUTE.search(body):
            raise ValueError("the package has another format")
        return self.block(body, ENTRY.findall(body))

    def nested(self, name):
        entries = self.entries.get(name.lower(), [])
        if f"{name}OutputReference" in self.classes:
            return self.block(self.classes[f"{name}OutputReference"][1], entries)
        # A block of the provider itself: the package does not state what is required.
        return {entry[0]: (simple_type("", *entry[3:]), False, True, False) for entry in entries}, {}

    def block(self, body, entries):
        """Attributes: name -> (type, computed, optional, required). Blocks: name -> (block, nesting, min, max)."""
        settable = {entry[0]: entry[1:] for entry in entries}
        attributes, blocks = {}, {}
        for name, *flags, code in ATTRIBUTE.findall(body):
            computed, optional, required = (flag == "true" for flag in flags)
            value, is_block, nesting, storage = settable.get(name, ("", "false", "", ""))
            inner = NESTED.search(code) or PROVIDER_BLOCK.search(value)
            if inner and "Mapper" in value:
                is_block = "true" if re.search(r"Terraform, true\)", value) else "false"
            if inner and is_block == "true":
                single = "Mapper" not in value
                mode = "single" if nesting == "struct" else nesting
                blocks[name] = (self.nested(inner[1]), mode, int(required and mode != "single"), int(single and mode != "single"))
                continue
            if inner:
                item = object_type(self.nested(inner[1]))
                mode = nesting or ("set" if inner[3] == "true" else "list")
                type_ = item if mode == "struct" else [mode, item]
            else:
                type_ = simple_type(code, nesting, storage)
            attributes[name] = (type_, computed, optional, required)
        return attributes, blocks


def simple_type(code, nesting, storage):
    found = ACCESS.search(code)
    if not found:
        # The provider's own attributes, and maps that only the provider sets.
        kind, _, many = storage.partition("List") if "List" in storage else storage.partition("Map")
        many = nesting if kind != storage else "map" if "StringMap(" in code else ""
        item = PRIMITIVES.get(kind.capitalize(), "string")
        return [many, item] if many else item
    in_set = found[1] or nesting == "set"
    kind = found[2]
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    if kind.endswith("Map"):
        return ["map", PRIMITIVES[kind.removesuffix("Map")]]
    if kind.endswith("List"):
        item = PRIMITIVES.get(kind.removesuffix("List"), "string")
        return ["set" if in_set else "list", ["map", item] if "MapList" in storage else item]
    return "dynamic"


def object_type(block):
    attributes, blocks = block
    types = {name: attribute[0] for name, attribute in attributes.items()}
    for name, (inner, mode, *_) in blocks.items():
        types[name] = object_type(inner) if mode == "single" else [mode, object_type(inner)]
    return ["object", types]


def load(package, wanted):
    """The schemas of the wanted (kind, name) pairs; unknown names are left out, so that Terraform reports them."""
    texts = sources(package, {folder_of(*pair) for pair in wanted})
    return {pair: Source(texts[folder_of(*pair)]).schema() for pair in wanted if folder_of(*pair) in texts}
