"""Makes tests/data/schema_table.json: what real DVC prints of files that do not fit their schema.

Run it with the Python of an environment that holds dvc 3.67.1:

    python tests/tools/make_schema_table.py                   # writes tests/data/schema_table.json
    python tests/tools/make_schema_table.py 500 1000 FILE     # 500 random cases from seed 1000 on
"""

import io
import json
import os
import pathlib
import random
import sys
import tempfile

import dvc
from dvc.schema import COMPILED_LOCKFILE_SCHEMA, COMPILED_MULTI_STAGE_SCHEMA, COMPILED_SINGLE_STAGE_SCHEMA
from dvc.utils import strictyaml

SCHEMAS = {"dvc.yaml": COMPILED_MULTI_STAGE_SCHEMA, "a.dvc": COMPILED_SINGLE_STAGE_SCHEMA, "dvc.lock": COMPILED_LOCKFILE_SCHEMA}

CASES = [
    ("dvc.yaml", text)
    for text in [
        "- a\n", "5\n", "abc\n", "a: 1\n", "stages: x\n", "stages: [a]\n", "stages: {a: 5}\n", "stages: {5: {cmd: x}}\n", "stages:\n", "stages:\n  a:\n",
        "stages:\n  a:\n    deps: [x]\n", "stages:\n  a:\n    cmd: 5\n", "stages:\n  a:\n    cmd: x\n    deps: x\n", "stages:\n  a:\n    cmd: x\n    deps: [1, a, 2.5, [x], {a: 1}]\n",
        "stages:\n  a:\n    cmd: x\n    outs: [o: {cache: yes}]\n", "stages:\n  a:\n    cmd: x\n    outs:\n    - o:\n        cache: true\n        nope: 1\n        push: x\n    - 5\n",
        "stages:\n  a:\n    cmd: x\n    outs:\n    - 5\n    - o: 1\n    - {1: {}}\n", "stages:\n  a:\n    cmd: x\n    plots: [p: {x: 1}, q: [{x: a, z: 1}], r: 5]\n",
        "stages:\n  a:\n    cmd: x\n    frozen: ${x}\n    always_changed: 1\n    desc: 5\n    wdir: null\n", "stages:\n  a:\n    foreach: 5\n    do: {cmd: x}\n",
        "stages:\n  a:\n    foreach: [1]\n", "stages:\n  a:\n    do: {cmd: x}\n", "stages:\n  a:\n    foreach: [1]\n    do:\n      cmd: x\n      depz: 1\n    extra: 1\n",
        "stages:\n  a:\n    matrix: [1]\n    cmd: x\n", "stages:\n  a:\n    matrix: {x: 5, 5: [x]}\n    cmd: x\n", "stages:\n  a:\n    cmd: x\n    params: [1, {a: 1}]\n",
        "vars: [1]\nstages: {}\n", "vars: x\n", "vars: [[x], 1.5]\n", "params: [1, a]\nmetrics: x\nplots: [1, {}, {a: 5}, {a: {x: [1], y: {b: [c, 1]}}}, {1: null}, {a: {z: 1}}]\n",
        "artifacts: {a: {desc: x}, b: {path: 5, labels: [1]}, c: x, 5: {path: y}}\n", "datasets: 5\n", "foo:\n- 1\nbar: {}\nstages:\n  a: {}\n",
        "stages:\n  a:\n    cmd: echo\n    depz: [x]\n    outs: x\n", "stages:\n  a:\n    cmd: x\n\n    # a comment\n\n    meta: 1\n    zzz:\n\n    - x\n",
        "stages:\n  averyveryveryveryveryveryveryverylongname:\n    cmd: x\n    anotherveryveryveryveryveryverylongkeythatdoesnotfit: {a: 1}\n",
        "stages:\n  a:\n    cmd: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n    zzz: [a]\n",
        "stages:\n  a:\n    cmd: " + "x" * 200 + "\n    zzz: [a]\n", "stages:\n  a:\n    cmd: x\n    zzz: {a: 1}", "stages: {a: {cmd: x, z: [1]}}", "\n\n\nstages:\n        a:\n            cmd: x\n            y: [1]\n",
        "stages:\n  a:\n    cmd: x\n    deps:\n      - a\n      - [b]\n      - {c: d}\n", "# é\nstages:\n  é:\n    cmd: x\n    ü: {日本: 1}\n",
        "a: [1\n", "stages:\n  a:\n    cmd: echo\n   outs: [x\n", "stages:\n  a:\n    cmd: echo 1\n  a:\n    cmd: echo 2\n", "a: b: c\n", "a: 'x\n", "a: \"\\q\"\n", "a: *x\n", "a: !foo x\n", "- a\nb: c\n", "a: {b\n",
        "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", "stages:\n  a: {cmd: x}\n<<<<<<< HEAD\n", "a:\n\t- b\n", "%YAML 3.0\n---\na: 1\n", "a: 1\n---\nb: 2\n", "a: @x\n", "a: `x\n", "key: [a, b}\n", "A: 1\nA: 2\n",
        "a: |\n x\n  y\n z\nb:\n  - x\n - y\n", "a: &x\nb: *y\n", "? a\n: b\n? a\n: c\n", "a: 2020-13-45\n", "stages:\n  a:\n    cmd: x\n    outs:\n    - o:\n      cache: false\n",
    ]
] + [
    ("a.dvc", text)
    for text in [
        "cmd: x\n", "outs: x\n", "outs:\n- path: 5\n", "outs:\n- md5: 5\n  path: a\n", "outs:\n- md5: ab\n  path: a\n", "outs:\n- md5: 12345\n  path: a\n", "outs:\n- {path: a, foo: 1}\n", "outs: null\ndeps: null\nwdir: null\n",
        "wdir: 5\n", "deps:\n- path: x\n  repo: {rev: 1}\nouts:\n- path: x\n", "deps:\n- {path: x, repo: {url: u, rev: v, zzz: 1, config: 5}}\n", "outs:\n- path: x\n  cloud: {a: {etag: x}, b: {etag: y}}\n",
        "outs:\n- path: x\n  cloud: {a: {etag: 1.5}}\n", "outs:\n- path: x\n  files: [{md5: abc}]\n", "outs:\n- path: x\n  files: [{relpath: abc, size: x, isexec: 1}]\n", "frozen: 1\nmd5: 1.5\nmeta: 1\ndesc: 1\n", "outs:\n- path: x\n  size: true\n  nfiles: 1.5\n  cache: 1\n", "a\n",
        "outs:\n- path: x\n  fs_config: 5\n  labels: x\n", "deps:\n- db: {query: 1}\n", "outs: []\nouts: []\n",
    ]
] + [
    ("dvc.lock", text)
    for text in [
        "", "{}\n", "a: 1\n", "schema: 2.0\n", "schema: '1.0'\nstages: {}\n", "schema: '2.0'\nstages:\n  a:\n    deps: []\n", "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - md5: a\n",
        "a:\n  cmd: x\n  deps:\n  - path: x\n    md5: abc\n", "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    params: {p: [1], q: {1: x}}\n    outs: [{path: x, zzz: 1}]\n", "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps: [{path: x, dataset: 5}]\n",
    ]
]

VALUES = [None, 1, 1.5, "x", "${x}", True, [], {}, ["a"], [1], {"a": 1}, {"a": {}}, {"a": {"cache": True}}, {"a": {"cache": 1, "zzz": 2}}, [{"a": {"persist": "x"}}, 5], [["a"]], {1: 2}, [{"a": {"x": "y"}}], [{"a": [{"x": 1}]}]]
KEYS = ["cmd", "wdir", "deps", "params", "vars", "frozen", "meta", "desc", "always_changed", "outs", "metrics", "plots", "matrix", "foreach", "do", "zzz", 5]
TOP = ["stages", "vars", "params", "metrics", "plots", "artifacts", "datasets", "zzz"]


def random_text(seed):
    import ruamel.yaml

    rng = random.Random(seed)

    def stage():
        data = {"cmd": "x"} if rng.random() < 0.8 else {}
        for _ in range(rng.randrange(4)):
            data[rng.choice(KEYS)] = rng.choice(VALUES)
        if "do" in data and rng.random() < 0.7:
            data["do"] = {"cmd": "x", rng.choice(KEYS): rng.choice(VALUES)}
        return data

    document = {"stages": {name: stage() for name in ("first", "second", "third")[: rng.randrange(1, 4)]}}
    if rng.random() < 0.3:
        document[rng.choice(TOP)] = rng.choice(VALUES)
    yaml = ruamel.yaml.YAML()
    yaml.default_flow_style = rng.choice([False, False, None])
    yaml.indent(mapping=rng.choice([2, 4]), sequence=4, offset=rng.choice([0, 2]))
    yaml.representer.ignore_aliases = lambda _: True
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def run(name, text):
    """The text that DVC prints; its class and message where that cannot be had."""
    pathlib.Path(name).write_text(text, encoding="utf-8")
    try:
        strictyaml.load(os.path.abspath(name), SCHEMAS[name])
    except Exception as exc:  # noqa: BLE001
        keep, sys.stderr = sys.stderr, io.StringIO()
        try:
            exc.__pretty_exc__()
            return {"kind": type(exc).__name__, "text": sys.stderr.getvalue()}
        except Exception:  # noqa: BLE001
            return {"kind": type(exc).__name__, "message": str(exc)}
        finally:
            sys.stderr = keep
    return None


def main():
    assert dvc.__version__ == "3.67.1", dvc.__version__
    os.environ.pop("COLUMNS", None)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    default = pathlib.Path(__file__).parent.parent / "data" / "schema_table.json"
    target = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else default
    target = target.resolve()
    cases = (list(CASES) if first == 0 else []) + [("dvc.yaml", random_text(seed)) for seed in range(first, first + seeds)]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        table = [{"name": name, "source": text, "want": run(name, text)} for name, text in cases]
        os.chdir("/")
    target.write_text(json.dumps(table, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
