"""Holds every object of deploy/kubernetes against Kubernetes' own schemas.

    python kubernetes.py FOLDER [RENDERED…]

FOLDER is deploy/kubernetes; RENDERED are files that kustomize has made of its overlays. Prints a line
for each object and ends with 1 when one is wrong.
"""

import pathlib
import sys

import kubernetes_validate
import yaml

# Not Kubernetes' own: the operator of Prometheus brings the kind and its schema along.
FOREIGN = {"ServiceMonitor"}
# What kustomize reads, and what it merges into objects that are validated when it has done so.
PARTS = {"Kustomization"}


def documents(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one is not None]


def main():
    folder = pathlib.Path(sys.argv[1])
    rendered = [pathlib.Path(name) for name in sys.argv[2:]]
    wrong = 0
    patches = set()
    for path in sorted(folder.rglob("kustomization.yaml")):
        (kustomization,) = documents(path)
        patches |= {
            path.parent / patch["path"]
            for patch in kustomization.get("patches", [])
            if "path" in patch
        }
        for name in kustomization["resources"]:
            if not (path.parent / name).exists():
                print(f"{path}: {name} is not there")
                wrong += 1
        listed = set(kustomization["resources"])
        listed |= {patch.name for patch in patches if patch.parent == path.parent}
        for found in path.parent.glob("*.yaml"):
            if found.name not in listed | {"kustomization.yaml"}:
                print(f"{path}: {found.name} is not used")
                wrong += 1
    for path in sorted(folder.rglob("*.yaml")) + rendered:
        for one in documents(path):
            title = f"{path.name}: {one['kind']} {one.get('metadata', {}).get('name', '')}"
            if one["kind"] in PARTS or path in patches:
                continue
            if one["kind"] in FOREIGN:
                print(f"{title} is foreign")
                continue
            try:
                kubernetes_validate.validate(one, "1.30", strict=True)
                print(f"{title} is valid")
            except Exception as error:
                print(f"{title}: {error}")
                wrong += 1
    sys.exit(1 if wrong else 0)


main()
