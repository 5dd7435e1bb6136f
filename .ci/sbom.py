"""Turns the output of cargo-cyclonedx into the bill of materials of the binary: `sbom.py WRITTEN TREE COMMIT > SBOM`.

WRITTEN is its JSON, TREE the output of `cargo tree --prefix none --format {p}` for the same build, COMMIT the commit of the
sources. cargo-cyclonedx also lists crates that only tests enable; they are removed. A crate of the build that it does not list
is a failure. The folder of the sources and the random serial number are replaced, so that the same commit gives the same bytes.
"""

import json
import sys
import uuid

REPOSITORY = "path+file:///clinic-api"


def crates(tree: str) -> set[tuple[str, str]]:
    """Name and version of each line, for example `serde v1.0.0 (proc-macro)`."""
    return {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, tree.splitlines())}


def bill(written: dict, built: set[tuple[str, str]], commit: str) -> dict:
    """The bill of `built`: its components and their dependencies."""
    kept = [part for part in written["components"] if (part["name"], part["version"]) in built]
    lacking = built - {(part["name"], part["version"]) for part in kept}
    if lacking:
        sys.exit(f"not in the bill of materials: {sorted(lacking)}")
    unlicensed = [part["name"] for part in kept if not part.get("licenses")]
    unhashed = [part["name"] for part in kept if not part.get("hashes")]
    if unlicensed or unhashed:
        sys.exit(f"without a licence: {unlicensed}; without a hash: {unhashed}")
    known = {part["bom-ref"] for part in kept} | {written["metadata"]["component"]["bom-ref"]}
    needs = [
        entry | {"dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in known]}
        for entry in written["dependencies"]
        if entry["ref"] in known
    ]
    return written | {
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, commit).urn,
        "components": kept,
        "dependencies": needs,
    }


def main() -> None:
    """Reads the inputs, checks them, and writes the bill."""
    path, tree, commit = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        written = json.load(file)
    with open(tree, encoding="utf-8") as file:
        built = crates(file.read())
    ours = written["metadata"]["component"]
    built.remove((ours["name"], ours["version"]))
    text = json.dumps(bill(written, built, commit), indent=1, sort_keys=True)
    folder = ours["bom-ref"].split("#")[0]
    print(text.replace(folder, REPOSITORY))


if __name__ == "__main__":
    main()
