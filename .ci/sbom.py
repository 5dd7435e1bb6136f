"""Turns the output of cargo-cyclonedx into the bill of materials of the image: `sbom.py WRITTEN TREE COMMIT ROOT > SBOM`.

WRITTEN is its JSON, TREE the output of `cargo tree --prefix none --format {p}` for the same build, COMMIT the commit of the
sources, ROOT a folder with the files of the image. cargo-cyclonedx also lists crates that only tests enable; they are removed.
A crate of the build that it does not list is a failure. The Debian packages of ROOT are added. The folder of the sources and the
random serial number are replaced, so that the same commit and packages give the same bytes.
"""

import json
import re
import sys
import uuid
from pathlib import Path
from urllib.parse import quote

REPOSITORY = "path+file:///clinic-api"


def crates(tree: str) -> set[tuple[str, str]]:
    """Name and version of each line, for example `serde v1.0.0 (proc-macro)`."""
    return {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, tree.splitlines())}


def packages(root: Path) -> list[dict]:
    """The Debian packages in the image's package database, as components."""
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', (root / "etc/os-release").read_text(), re.M))
    distribution = f"{release['ID']}-{release['VERSION_ID']}"
    found = []
    for path in sorted((root / "var/lib/dpkg/status.d").iterdir()):
        entry = dict(re.findall(r"^([\w-]+): (.*)$", path.read_text(), re.M))
        name, version = entry["Package"], entry["Version"]
        # The source package, which security advisories name. Its version is in parentheses if it differs.
        source = entry.get("Source", name).split()[0]
        purl = f"pkg:deb/{release['ID']}/{name}@{quote(version)}?arch={entry['Architecture']}&distro={distribution}&upstream={source}"
        found.append({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl})
    return found


def bill(written: dict, built: set[tuple[str, str]], commit: str, copied: list[dict]) -> dict:
    """The bill of the crates `built` and the packages `copied`: components and dependencies."""
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
        "components": kept + copied,
        "dependencies": needs,
    }


def main() -> None:
    """Reads the inputs, checks them, and writes the bill."""
    path, tree, commit, root = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        written = json.load(file)
    with open(tree, encoding="utf-8") as file:
        built = crates(file.read())
    ours = written["metadata"]["component"]
    built.remove((ours["name"], ours["version"]))
    text = json.dumps(bill(written, built, commit, packages(Path(root))), indent=1, sort_keys=True)
    folder = ours["bom-ref"].split("#")[0]
    print(text.replace(folder, REPOSITORY))


if __name__ == "__main__":
    main()
