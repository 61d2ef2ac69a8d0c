"""What real DVC prints of random files that may not fit their schema, for tests/it/fuzz.

    python tests/tools/schema_fuzz.py schema COUNT SEED

Run with a Python that has dvc installed; case N of a run comes from seed SEED + N alone. Each
is a valid dvc.yaml, `.dvc` file or dvc.lock, in a random layout, with a few random mistakes;
the lines have the form of tests/data/schema_table.json.
"""

import copy
import json
import os
import random
import sys
import tempfile

from make_schema_table import random_text, run

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
VALID = {
    "dvc.yaml": {
        "vars": ["p.yaml", {"a": 1}],
        "stages": {
            "prepare": {"cmd": ["python a.py", "python b.py --long-option value"], "wdir": "sub", "deps": ["a", "b"], "outs": ["x", {"y": {"cache": False, "persist": True, "desc": "text", "remote": "r", "push": True, "type": "model", "labels": ["l"], "meta": {"k": 1}}}], "params": ["lr", {"conf.json": ["a.b", "c"]}, {"all.toml": None}], "frozen": True, "always_changed": False, "desc": "what it is for", "meta": {"any": [1, {"x": None}]}},
            "train": {"cmd": "python train.py", "metrics": [{"m.json": {"cache": False}}, "n.json"], "plots": [{"p.csv": {"x": "a", "y": "b", "title": "t", "template": "linear", "header": True, "x_label": "xl", "y_label": "yl"}}, "q.csv"], "vars": [{"z": 1}, "f.yaml"]},
            "loop": {"foreach": ["a", {"b": 1}], "do": {"cmd": "echo ${item}", "outs": ["${item}.txt"]}},
            "grid": {"matrix": {"x": [1, 2], "y": "${list}"}, "cmd": "echo", "outs": ["o"]},
        },
        "params": ["p.yaml"],
        "metrics": ["m.json"],
        "plots": ["q.csv", {"fig": {"x": "a", "y": {"f.csv": ["b", "c"]}}}, {"z.csv": None}],
        "artifacts": {"model": {"path": "m.bin", "type": "model", "desc": "d", "labels": ["a", "b"], "meta": {"k": "v"}}},
        "datasets": [{"name": "d", "type": "dvc", "url": "u"}],
    },
    "a.dvc": {
        "wdir": "..", "md5": MD5, "frozen": True, "desc": "d", "meta": {"k": 1}, "cmd": "x", "always_changed": False,
        "deps": [{"path": "in", "md5": MD5, "size": 4, "hash": "md5", "repo": {"url": "u", "rev": "r", "rev_lock": MD5, "config": {"a": 1}, "remote": {"b": 2}}}, {"path": "http://x/y", "etag": '"e"', "checksum": "c"}],
        "outs": [{"path": "out", "md5": MD5, "size": 3, "nfiles": 2, "isexec": True, "hash": "md5", "cache": True, "persist": False, "desc": "o", "type": "t", "labels": ["l"], "remote": "r", "push": False, "meta": {"x": 1}, "files": [{"relpath": "f", "md5": MD5, "size": 1, "isexec": False}], "cloud": {"s3": {"etag": "e", "version_id": "v"}}, "version_id": "v"}],
    },
    "dvc.lock": {
        "schema": "2.0",
        "stages": {"a": {"cmd": "x", "deps": [{"path": "d", "md5": MD5, "hash": "md5", "size": 4}], "params": {"params.yaml": {"lr": 0.1, "m": {"x": [1]}}}, "outs": [{"path": "o", "md5": MD5 + ".dir", "size": 5, "nfiles": 1, "isexec": True}]}, "b@1": {"cmd": ["x", "y"], "outs": [{"path": "p", "checksum": "c"}]}},
        "datasets": [{"name": "d", "url": "u", "type": "dvc"}],
    },
}
ODD = [None, 0, 1, -1, 1.5, True, False, "", "x", "${x}", "é日本", [], {}, ["a"], [1], [None], {"a": 1}, {"a": None}, {1: 2}, [["a"]], [{"a": {"b": 1}}], {"a": {"cache": "yes"}}, "word " * 30, "x" * 120, [{"a": {"x": 1}}, 5, {"b": None, "c": None}]]
KEYS = ["zzz", "cmd", "deps", "outs", "path", "md5", "size", "desc", "cache", "persist", "meta", "foreach", "do", "matrix", "stages", "é", 5, True, None, 1.5, "hash", "repo", "params", "type", "x", "checkpoint", "live", "wdir", "k" * 60]


def places(node, path=()):
    """All lists and maps of a document."""
    found = [path] if isinstance(node, (dict, list)) and node else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def at(node, path):
    for key in path:
        node = node[key]
    return node


def wrong(rng, document):
    """One mistake, somewhere."""
    found = places(document)
    if not found:
        return
    node = at(document, rng.choice(found))
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key, kind = rng.choice(keys), rng.random()
    if kind < 0.45:
        node[key] = copy.deepcopy(rng.choice(ODD))
    elif kind < 0.6:
        del node[key]
    elif isinstance(node, list):
        node.insert(key, copy.deepcopy(rng.choice(ODD)))
    elif kind < 0.8:
        node[rng.choice(KEYS)] = copy.deepcopy(rng.choice(ODD))
    else:
        items = [(rng.choice(KEYS) if name == key else name, item) for name, item in node.items()]
        node.clear()
        node.update(items)


def scalar(value):
    if value is None:
        return "null"
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, str):
        plain = value and value.replace("_", "a").replace("-", "a").replace(".", "a").replace(" ", "a").isalnum() and not value[0].isdigit() and value == value.strip() and value[0] not in "-." and value.lower() not in ("true", "false", "null")
        return value if plain else json.dumps(value, ensure_ascii=False)
    return str(value)


def lay_out(rng, node, indent, step):
    """Block style with now and then something in flow style, comments and empty lines."""
    out, pad = "", " " * indent
    pairs = list(node.items()) if isinstance(node, dict) else [(None, item) for item in node]
    for key, item in pairs:
        if rng.random() < 0.08:
            out += rng.choice(["\n", f"{pad}# a remark\n", "# at the margin\n", "\n\n"])
        lead = pad + (scalar(key) + ":" if isinstance(node, dict) else "-")
        more = indent + (step if isinstance(node, dict) else 2)
        if isinstance(item, (dict, list)) and item and rng.random() < 0.85:
            if isinstance(node, list) and rng.random() < 0.7:
                inner = lay_out(rng, item, more, step)
                out += inner if "#" in inner.split("\n")[0] or not inner.startswith(" " * more) else lead + " " + inner[more:]
                continue
            deeper = indent if isinstance(item, list) and isinstance(node, dict) and rng.random() < 0.5 else more
            out += lead + rng.choice(["", "", "  # c"]) + "\n" + lay_out(rng, item, deeper, step)
        else:
            out += lead + " " + flow(item) + rng.choice(["", "", "", " # c"]) + "\n"
    return out


def flow(node):
    if isinstance(node, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(flow, node)) + "]"
    return scalar(node)


def case(rng):
    name = rng.choice(["dvc.yaml", "dvc.yaml", "dvc.yaml", "a.dvc", "dvc.lock"])
    document = copy.deepcopy(VALID[name])
    for key in list(document):
        if rng.random() < 0.4 and key != "stages":
            del document[key]
    for stage in list(document.get("stages", {})):
        if rng.random() < 0.4:
            del document["stages"][stage]
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        wrong(rng, document)
    text = lay_out(rng, document, 0, rng.choice([2, 2, 4])) if document else "{}\n"
    if rng.random() < 0.06:
        place = rng.randrange(len(text) + 1)
        text = text[:place] + rng.choice(["\t", "'", '"', "[", "}", ": ", "\n", " ", "- ", "*x", "&x ", "!x ", "\n<<<<<<< HEAD\n", "%", "@"]) + text[place:]
    return name, text


def main():
    _, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.environ.pop("COLUMNS", None)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number in range(seed, seed + count):
            rng = random.Random(number)
            name, text = case(rng) if rng.random() < 0.8 else ("dvc.yaml", random_text(number))
            print(json.dumps({"seed": number, "name": name, "source": text, "want": run(name, text)}))
        os.chdir("/")


if __name__ == "__main__":
    main()
