"""What real DVC makes of random templates, as lines of JSON for tests/it/fuzz.

    python tests/tools/template_fuzz.py templates COUNT SEED

Run with a Python that has dvc installed; case N of a run comes from seed SEED + N alone. Each
case is a dvc.yaml with variables of every kind and origin, in one long-lived process that calls
DVC's own resolver; what it gives has the form of tests/data/template_table.json.
"""

import json
import logging
import os
import random
import shutil
import sys
import tempfile

from dvc.repo import Repo

from make_template_table import run_in


class Raw(str):
    """A scalar that is written as it is, without quotes."""


def flow(value):
    """YAML in flow style."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


RAW = ["1_000", "0x1F", "0o17", "017", "1e3", "1.50", "-0.0", ".5", "1e-7", "1e16", "123456789012345678901234567890", ".inf", "-.inf", ".nan", "~", "yes", "True", "5e-324", "0.1", "1e22", "12:30"]
NAMES = ["a", "b", "lr", "m", "l", "n", "t", "x", "y", "z", "deep", "k v", "x.y", "é", "1"]
TEXTS = ["x", "it's", "a b", "", "é日", "true", "10", "null", "a\nb", 'say "hi"', "$HOME", "\\", "\\${x}", "${", "}", "-", "--opt", "😀", "a\tb", "${a}", "*", "x=y", "'q'", "#", "@"]


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.known = []

    def scalar(self, dates=0.004):
        rng = self.rng
        if rng.random() < dates:
            return Raw(rng.choice(["2020-01-01", "2020-01-01 10:00:00", "!!set {x: null}", "!!binary aGk="]))
        kind = rng.random()
        if kind < 0.35:
            return rng.choice(TEXTS[:9] if rng.random() < 0.7 else TEXTS)
        if kind < 0.6:
            return Raw(rng.choice(RAW))
        if kind < 0.8:
            return rng.choice([0, 1, -2, 7, 10**18, True, False, None])
        return rng.choice([rng.uniform(-10, 10) * 10 ** rng.randint(-20, 20), round(rng.random(), 3)])

    def tree(self, depth=0):
        rng, kind = self.rng, self.rng.random()
        if depth > 3 or kind < 0.55:
            return self.scalar()
        if kind < 0.75:
            return [self.tree(depth + 1) for _ in range(rng.randrange(4))]
        return {rng.choice(NAMES): self.tree(depth + 1) for _ in range(rng.randrange(4))}

    def learn(self, value, path=""):
        """Remembers how parts of a value can be named."""
        rng = self.rng
        if path:
            self.known.append(path)
        if isinstance(value, dict):
            for key, item in value.items():
                key = str(key)
                self.learn(item, f"{path}.{key}" if path and rng.random() < 0.8 else f"{path}[{key}]" if path else key)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self.learn(item, f"{path}[{number}]" if rng.random() < 0.8 else f"{path}.{number}")

    def name(self, local=()):
        rng, kind = self.rng, self.rng.random()
        if local and kind < 0.4:
            return rng.choice(local)
        if self.known and kind < 0.93:
            return rng.choice(self.known)
        known = rng.choice(self.known or ["a"])
        return rng.choice(["nope", "a.", "", ".a", "a..b", "a[", "a]", "a[0", "[0]", "a[-1]", "a.b.c", "a b", "item", "key", "item.x", known + ".nope", known + "[0]", known + "[-1]", known + "[9]", known + ".", " " + known + " ", known + "\t", "ä", "$a", "{a}", "a:b", "a-b", known.upper()])

    def template(self, local=(), parts=3):
        rng, out = self.rng, ""
        for _ in range(rng.randint(1, parts)):
            kind = rng.random()
            if kind < 0.3:
                out += rng.choice(["run ", "x", " --o=", "$", "{}", " && ", "é", "it's ", '"q" '])
            elif kind < 0.36:
                out += rng.choice(["\\${a}", "\\\\${a}", "\\$", "${", "${a", "$${a}", "\\${nope}"])
            else:
                out += "${" + rng.choice(["", "", " "]) + self.name(local) + rng.choice(["", "", " "]) + "}"
        return out

    def filled(self, local, depth=0):
        """Any value with templates in it."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.5 or depth > 2:
            return self.template(local)
        if kind < 0.65:
            return self.scalar()
        if kind < 0.8:
            return [self.filled(local, depth + 1) for _ in range(rng.randrange(4))]
        return {rng.choice([self.template(local, 1), rng.choice(NAMES), "k"]): self.filled(local, depth + 1) for _ in range(rng.randrange(4))}

    def body(self, local):
        rng = self.rng
        made = {"cmd": self.template(local, 5) if rng.random() < 0.7 else [self.template(local) for _ in range(rng.randint(1, 3))]}
        if rng.random() < 0.3:
            made["wdir"] = rng.choice([".", "sub", "${w}", "d/${w}", self.template(local, 2)])
        if rng.random() < 0.4:
            made["deps"] = [self.template(local, 2) for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.4:
            made["outs"] = [rng.choice([self.template(local, 2), {self.template(local, 2): {"cache": rng.choice([True, False]), "desc": self.template(local)}}]) for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.3:
            made["params"] = [rng.choice([self.template(local, 1), {self.template(local, 1): [self.template(local, 1)]}, {"p.yaml": None}]) for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.4:
            made["desc"] = self.template(local)
        if rng.random() < 0.5:
            made["meta"] = self.filled(local)
        if rng.random() < 0.15:
            made[rng.choice(["frozen", "always_changed"])] = rng.choice([True, False])
        if rng.random() < 0.25:
            made["vars"] = self.variables(local)
        return made

    def variables(self, local):
        rng, out = self.rng, []
        for _ in range(rng.randrange(3)):
            kind = rng.random()
            if kind < 0.6:
                out.append({rng.choice(NAMES + ["item", "key"] * bool(local)): self.tree(1) for _ in range(rng.randint(0, 2))})
            else:
                out.append(self.file())
        if rng.random() < 0.05:
            out.append({"v": self.template(local)})
        return out

    def file(self):
        rng = self.rng
        name = rng.choice(["params.yaml", "p.yaml", "q.json", "r.toml", "s.py", "sub/t.yaml", "none.yaml", "./p.yaml", "sub/../p.yaml"] if rng.random() < 0.5 else ["p.yaml", "q.json"])
        return name + rng.choice(["", "", ":a", ":m,l", ":a,nope", ":", ":a,,b", ": a", ":m.x", ":b"])

    def stage(self):
        rng, kind = self.rng, self.rng.random()
        if kind < 0.35:
            return self.body(())
        data = lambda: rng.choice(["${l}", "${m}", self.template((), 1), [self.tree(1) for _ in range(rng.randrange(4))], [self.filled((), 1) for _ in range(rng.randrange(3))], [self.scalar() for _ in range(3)]])
        if kind < 0.7:
            loop = data() if rng.random() < 0.7 else {rng.choice([rng.choice(NAMES), self.template((), 1), Raw(rng.choice(RAW[:19]))]): self.filled((), 1) if rng.random() < 0.5 else self.tree(1) for _ in range(rng.randrange(3))}
            return {"foreach": loop, "do": self.body(("item", "item", "key", "item.x", "item[0]", "item.a", "item.m"))}
        matrix = {rng.choice(["x", "y", "model", "k v", "a-b", "${a}"]): data() for _ in range(rng.randint(1, 3))}
        return {"matrix": matrix, **self.body(("item.x", "item.y", "item.model", "item", "key", "item.x.a", "item.x[0]"))}

    def case(self):
        rng = self.rng
        data = {name: self.tree(0 if name in "ml" else 1) for name in rng.sample(NAMES[:11], rng.randint(1, 6))}
        data.update({"l": [self.tree(2) for _ in range(rng.randrange(4))], "m": {rng.choice(NAMES): self.tree(2) for _ in range(rng.randrange(4))}, "w": rng.choice(["d", "sub", 5, ".", "é"])})
        names = list(data)
        rng.shuffle(names)
        parts = {"params.yaml": {}, "vars": {}, "p.yaml": {}, "q.json": {}}
        for name in names:
            parts[rng.choice(list(parts))][name] = data[name]
        self.learn(data)
        if rng.random() < 0.1:
            parts["p.yaml"][rng.choice(names)] = self.tree(1)
        files = {}
        if parts["params.yaml"] or rng.random() < 0.3:
            files["params.yaml"] = rng.choice(["{}", flow(parts["params.yaml"])]) if rng.random() < 0.05 else flow(parts["params.yaml"])
        files["p.yaml"] = flow(parts["p.yaml"])
        plain = lambda value: {str(key): plain(item) for key, item in value.items()} if isinstance(value, dict) else [plain(item) for item in value] if isinstance(value, list) else str(value) if isinstance(value, Raw) else value
        files["q.json"] = json.dumps(plain(parts["q.json"]))
        files["r.toml"] = rng.choice(["a = 1.50\nb = [1, 'x']\n[m2]\nx = true\n", "a = 2020-01-01\n", "z2 = inf\n", "a = \n"])
        files["s.py"] = rng.choice(["s1 = -1\nclass S:\n    x = 1.50\n    def __init__(self):\n        self.y = [1, None]\n", "s2 = {'a': [1]}\n", "s3 = \n", "s4 = 0x1F\ns5 = 1e3\ns6 = 'a' 'b'\n"])
        files["sub/t.yaml"] = flow({rng.choice(NAMES): self.tree(1) for _ in range(2)})
        chosen = [parts["vars"]] if parts["vars"] else []
        chosen += rng.choice([["p.yaml", "q.json"]] * 6 + [["p.yaml"], [self.file()], ["q.json", "p.yaml:" + rng.choice(names)], ["p.yaml", "p.yaml"]])
        if rng.random() < 0.2:
            chosen.append({rng.choice(NAMES): self.tree(1)})
        if rng.random() < 0.1:
            chosen.append(self.file())
        document = {"vars": chosen, "stages": {rng.choice(["", "stage-", "é"]) + f"s{number}": self.stage() for number in range(rng.randint(1, 3))}}
        if rng.random() < 0.3:
            top = rng.choice(["metrics", "plots", "params", "artifacts", "datasets"])
            lists = [self.template((), 2) for _ in range(rng.randint(1, 2))]
            document[top] = {"artifacts": {"art": {"path": self.template((), 2), "desc": self.template(), "labels": lists}}, "datasets": [{"name": lists[0], "type": "dvc", "url": "u"}]}.get(top, lists)
        settings = {"bool": rng.choice([None, None, "store_true", "boolean_optional"]), "list": rng.choice([None, None, "nargs", "append"])}
        lines = [f"{key}: {flow(value)}" if key != "stages" else "stages:\n" + "".join(f"  {flow(name)}: {flow(stage)}\n" for name, stage in value.items()) for key, value in document.items()]
        where = rng.choice([("", "")] * 5 + [("base", ""), ("base", "base"), ("", "other"), ("base/in", "other")])
        return "\n".join(lines) + "\n", files, where, settings


def main():
    _, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as root:
        root = os.path.realpath(root)
        logging.getLogger("dvc").setLevel(logging.WARNING)
        Repo.init(root, no_scm=True).close()
        for number in range(seed, seed + count):
            source, files, (base, cwd), settings = Maker(random.Random(number)).case()
            with open(os.path.join(root, ".dvc", "config"), "w", encoding="utf-8") as config:
                config.write("[core]\n    no_scm = True\n[parsing]\n" + "".join(f"    {key} = {value}\n" for key, value in settings.items() if value))
            want = run_in(root, (source, files, base, cwd))
            print(json.dumps({"seed": number, "source": source, "files": files, "base": base, "cwd": cwd, "settings": settings, "want": want}))
            for name in os.listdir(root):
                if name != ".dvc":
                    path = os.path.join(root, name)
                    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


if __name__ == "__main__":
    main()
