"""What real DVC makes of random files of parameters, as lines of JSON for tests/it/fuzz.

    python tests/tools/params_fuzz.py params COUNT SEED

Run with a Python that has dvc installed; case N of a run comes from seed SEED + N alone. Each is
a file (YAML, JSON, TOML or Python; without what the program does not know: bare times in TOML,
complex numbers, `...`, `\\N{names}` and sets of lists in Python) and keys; a line has the text that
stands in dvc.lock after the stage was saved, or the error, or what is missing.
"""

import json
import logging
import os
import random
import sys
import tempfile
from types import SimpleNamespace

from dvc.dependency.param import MissingParamsError, ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage.serialize import _serialize_params_values
from dvc.utils.serialize import dumps_yaml

from yaml_fuzz import Layout, load, looks, plain, sets_sorted

NAMES = ["lr", "a", "b", "m", "x", "deep", "l", "k v", "é", "n1", "T", "Net", "size", "a-b", "under_score", "0", "1"]
TEXTS = ["x", "it's", 'say "hi"', "", "a b", "é日本", "😀", "true", "1e5", "2020-01-01", "null", "a\nb", "tab\there", "\\", "#", "~", " lead", "x" * 90, "word " * 20]


class Maker:
    """A value in one of the languages, and the paths that lead into it."""

    def __init__(self, rng, language):
        self.rng, self.language, self.paths = rng, language, []

    def number(self):
        rng = self.rng
        own = {
            "json": ["NaN", "Infinity", "-Infinity", "1e400", "-0", "1E5", "0.10"],
            "toml": ["inf", "-inf", "nan", "+5", "1_000", "0x1F", "0o17", "0b11", "1e5", "6.26e-34", "0.10", "1e400", "-0", "0xFFFFFFFFFFFFFFFFFFFF", "0b1_0", "1_0.5e+0_1"],
            "py": ["0x1F", "0o17", "0b11", "1_000", "1e3", "1e400", ".5", "1.", "-1", "+1", "--1", "-1.5e-7", "0.10", "~1", "1+1", "2**3", "00"],
            "yaml": ["1_000", "0x1F", "017", "1e3", ".5", ".inf", ".nan", "~", "yes", "1.50"],
        }[self.language]
        if rng.random() < 0.3:
            return rng.choice(own)
        return rng.choice(["0", "1", "-2", "123456789012345678901234567890", "9223372036854775807", repr(rng.uniform(-9, 9) * 10 ** rng.randint(-20, 20)), str(rng.randrange(10**6)), "1.0", "1e-05", "1.5"])

    def scalar(self):
        rng, kind = self.rng, self.rng.random()
        words = {"json": ("true", "false", "null"), "toml": ("true", "false", "true"), "py": ("True", "False", "None"), "yaml": ("true", "False", "null")}[self.language]
        if kind < 0.45:
            return self.number()
        if kind < 0.6:
            return rng.choice(words)
        if kind < 0.64 and self.language == "toml":
            return rng.choice(["2020-01-01", "2020-01-01T10:00:00", "2020-01-01T10:00:00Z", "2020-01-01 10:00:00.5+02:00", "2020-02-29t10:00:00.1234567-00:30", "2019-02-29", "0000-01-01", "2020-01-01 10:00", "2020-01-01 10:00:60"])
        if kind < 0.64 and self.language == "yaml":
            return looks(rng)
        text = rng.choice(TEXTS)
        if self.language == "py" and kind < 0.75:
            return rng.choice(["'a' 'b'", 'r"\\d"', "b'x'", '"""doc"""', "f'x'", "u'x'", "'\\x41\\u00e9\\n'", "name", "Net.size", "'a' + 'b'", "int(1)", "set()", "dict()", "lambda: 1", "'%s' % 1", "not True", "b'a' b'b'"])
        if self.language == "py":
            return repr(text)
        return json.dumps(text, ensure_ascii=self.language == "json" and rng.random() < 0.5)

    def value(self, path, depth=0):
        rng, kind = self.rng, self.rng.random()
        self.paths.append(path)
        if depth > 3 or kind < 0.55:
            return self.scalar()
        if kind < 0.78:
            items = [self.value(f"{path}.{number}", depth + 1) for number in range(rng.randrange(4))]
            if self.language == "py" and rng.random() < 0.35:
                return rng.choice(["(" + ", ".join(items) + ("," if items else "") + ")", "{" + repr(rng.choice(TEXTS)) + "}"])
            return "[" + ", ".join(items) + "]"
        pairs = []
        for name in rng.sample(NAMES, rng.randrange(4)):
            item = self.value(f"{path}.{name}", depth + 1)
            key = {"toml": json.dumps(name, ensure_ascii=False), "json": json.dumps(name), "py": rng.choice([repr(name)] * 6 + ["1", "1.5", "True", "(1, 2)", "None"]), "yaml": rng.choice([json.dumps(name, ensure_ascii=False)] * 6 + ["1", "2020-01-01", "true", "1.5", "null"])}[self.language]
            pairs.append(key + {"toml": " = "}.get(self.language, ": ") + item)
        return "{" + ", ".join(pairs) + "}"


def python(rng, maker):
    lines = rng.choice([[], ["import os"], ['"""Doc."""'], ["# comment", "from x import *"]])
    names = [name for name in NAMES if name.isidentifier()]

    def assign(name, path, pad):
        kind = rng.random()
        if kind < 0.1:
            return f"{pad}{name}: {rng.choice(['int', 'Dict[str, int]'])} = {maker.value(path)}"
        if kind < 0.14:
            return f"{pad}{name}: int"
        if kind < 0.18:
            return f"{pad}{name} += 1"
        if kind < 0.22:
            return f"{pad}{name} = other = {maker.value(path)}"
        if kind < 0.26:
            return f"{pad}{name}, second = {maker.value(path)}, 2"
        if kind < 0.30:
            return f"{pad}{name} = {maker.value(path)}  # {name}; x = 3"
        if kind < 0.33:
            return f"{pad}{name} = (\n{pad}    {maker.value(path)}\n{pad})"
        if kind < 0.36:
            return f"{pad}{name} = 1; {name}_2 = \\\n  {maker.value(path)}"
        if kind < 0.38:
            return f"{pad}{name}[0] = 1"
        return f"{pad}{name} = {maker.value(path)}"

    for name in rng.sample(names, rng.randint(1, 5)):
        kind = rng.random()
        if kind < 0.65:
            lines.append(assign(name, name, ""))
        elif kind < 0.9:
            maker.paths.append(name)
            lines.append(rng.choice([f"class {name}:", f"class {name}(Base, metaclass=M):", f"@deco\nclass {name}:"]))
            body = [assign(inner, f"{name}.{inner}", "    ") for inner in rng.sample(names, rng.randint(0, 3))]
            if rng.random() < 0.5:
                body.append("    def __init__(self, x=1):")
                inner = rng.sample(names, rng.randint(1, 2))
                body += [assign(f"self.{part}", f"{name}.{part}", "        ") if rng.random() < 0.8 else f"        local = {maker.value(name + '.local')}" for part in inner]
            if rng.random() < 0.2:
                body.append("    class Inner:\n" + assign("z", f"{name}.Inner.z", "        "))
            lines += body or ["    pass"]
        else:
            lines.append(rng.choice([f"def {name}():\n    y = 1", f"if True:\n    {name} = 2", f"for {name} in []:\n    pass", f"try:\n    {name} = 1\nexcept E:\n    pass", f"with f() as {name}:\n    pass", f"print({name}=1)", "x = [i for i in y]", "del q", "assert x", "async def f(): pass", "match = 1", "global g", "return 1"]))
    return "\n".join(lines) + rng.choice(["\n", "", "\n\n"])


def document(rng):
    language = rng.choice(["yaml", "yaml", "json", "toml", "py", "py"])
    maker = Maker(rng, language)
    if language == "py":
        return maker, python(rng, maker)
    if language == "yaml" and rng.random() < 0.3:
        return maker, Layout(rng).document()
    names = rng.sample(NAMES, rng.randint(1, 5))
    if language == "toml":
        text = "".join(f"{json.dumps(name, ensure_ascii=False)} = {maker.value(name)}\n" for name in names)
        for name in rng.sample(["table", "t2", "lr"], rng.randrange(3)):
            text += rng.choice([f"[{name}]", f"[[{name}]]", f"[{name}.inner]"]) + rng.choice(["\n", " # c\n"]) + f"p = {maker.value(name + '.p')}\nq.r = 1\ns = '''\nmulti\n'''\n"
            maker.paths += [f"{name}.q.r", f"{name}.0.p", f"{name}.inner.p"]
        return maker, text
    pairs = [f"{json.dumps(name, ensure_ascii=False)}: {maker.value(name)}" for name in names]
    if language == "json":
        return maker, rng.choice(["{" + ", ".join(pairs) + "}"] * 8 + ["[" + maker.value("0") + "]", maker.scalar(), "", "{" + ", ".join(pairs + pairs[:1]) + "}"])
    return maker, "\n".join(pairs) + "\n" if rng.random() < 0.7 else "{" + ", ".join(pairs) + "}"


def case(rng):
    maker, text = document(rng)
    if rng.random() < 0.08 and maker.language != "py":
        place = rng.randrange(len(text) + 1)
        text = text[:place] + rng.choice(["'", "[", "}", "=", ":", "\n", "\t", ",", "é", "\\", "(", " ", "#", "\ufeff", ".", "\r"]) + text[place:]
    if rng.random() < 0.05:
        text = text.replace("\n", rng.choice(["\r\n", "\r"]))
    keys = []
    if rng.random() < 0.8:
        for _ in range(rng.randint(1, 3)):
            key = rng.choice(maker.paths or ["a"])
            if rng.random() < 0.12:
                key += rng.choice([".nope", ".0", ".-1", ".x", ".*", "?", "*", ".", "..a", ".01", ".1.0"])
            keys.append(key)
    return f"p.{maker.language}", text, list(dict.fromkeys(keys))


def save(repo, path, keys):
    """What DVC puts into dvc.lock (dvc: `stage/serialize.py`)."""
    stage = SimpleNamespace(repo=repo, wdir=repo.root_dir, addressing="s", is_import=False, is_repo_import=False, is_versioned_import=False)
    dep = ParamsDependency(stage, path, keys)
    try:
        dep.hash_info = dep.get_hash()
        whole = {"schema": "2.0", "stages": {"s": {"cmd": None, "params": _serialize_params_values([dep])}}}
        text = dumps_yaml(whole)
        return {"text": text, "exact": sets_sorted(load(text)) == sets_sorted(plain(whole))}
    except MissingParamsError:
        return {"missing": sorted(set(keys) - set(dep.read_params()))}
    except DvcException as exc:
        sentences = []
        while exc is not None:
            sentences.append(str(exc))
            exc = exc.__cause__
        return {"error": sentences}
    except Exception as exc:  # noqa: BLE001
        return {"unexpected": str(exc)}


def main():
    _, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    logging.getLogger("dvc").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as root:
        root = os.path.realpath(root)
        Repo.init(root, no_scm=True).close()
        os.chdir(root)
        repo = Repo(root)
        for number in range(seed, seed + count):
            path, text, keys = case(random.Random(number))
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            print(json.dumps({"seed": number, "path": path, "source": text, "keys": keys, "want": save(repo, path, keys)}))
            os.unlink(path)
        os.chdir("/")


if __name__ == "__main__":
    main()
