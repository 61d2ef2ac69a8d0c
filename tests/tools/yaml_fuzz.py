"""Compares the YAML reader and emitter with those of an installed DVC on random documents.

    python tests/tools/yaml_fuzz.py PROBE [emit|read|mutate] [COUNT] [SEED]

PROBE is the built example `yaml_probe`; run with a Python that has dvc installed.
`emit`: random values, both write them; the texts must be equal, unless DVC's own does not
read back as the value was (then ours must). `read`: documents made of awkward pieces.
`mutate`: documents that DVC wrote, with random edits.
"""

import datetime
import io
import json
import random
import subprocess
import sys
import warnings

from dvc.utils.serialize import dumps_yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

warnings.simplefilter("ignore")

WORDS = [
    "a", "python", "train.py", "--lr", "0.1", "it's", '"q"', "x: y", "#c", "&&", "|", "\\", "\\\n", "\n", "\t", "$HOME", "é", "日本",
    "😀", "a" * 30, "b" * 70, "c" * 90, "  ", "   ", "- x", "'x y'", '"x y"', "1e5", "true", "null", "2020-01-01", "{a}", "[b]",
    "key=val", "\u00a0", "\x07", ">", "`date`", "%", "@", "!", "?", ":", "-", "~", "0x1", "012", ".5", "+", "=", "\x85", "\u2028",
    "\ufeff", "<<", "---", "...", "y", "NO", "1_000", "k" * 125, "# x", "\x7f", "\r", "\0", "*a", "&b", "1:30", ".inf", "12345678901e34567890123456789012",
]
KEYS = ["a", "lr", "x y", "k-1", "1", "true", "o'c", "a: b", "é", "", " x", "#", "k" * 122, "k" * 123, "word " * 20 + "end", "a\nb", '"', "<<", "=", "~",
        "it's: x", "x\u2028y", "é" * 123]


def text(rng):
    k = rng.random()
    if k < 0.1:
        return rng.choice(WORDS)
    if k < 0.25:
        return "".join(rng.choice(WORDS) for _ in range(rng.randint(1, 4)))
    sub = [rng.choice(WORDS) for _ in range(rng.randint(1, 6))]
    joint = rng.choice([" ", " ", " ", "", " \n", "\n ", "\n", "  "])
    return rng.choice(["", " ", ""]) + joint.join(rng.choice(sub) for _ in range(rng.randint(1, 30))) + rng.choice(["", "", "\n", " "])


def number(rng):
    k = rng.random()
    if k < 0.4:
        return rng.choice([0, 1, -5, 10**20, -(10**30), 2**63, -(2**63), 10**121, 10**130])
    if k < 0.7:
        return rng.choice([1.5, 1e-5, 1e20, 1e16, 1e15, -0.0, 5e-324, float("inf"), float("-inf"), float("nan"), 1 / 3, 0.0001, 100000.0])
    return rng.uniform(-10, 10) * 10 ** rng.randint(-30, 30)


def key(rng):
    if rng.random() < 0.9:
        return rng.choice(KEYS) if rng.random() < 0.7 else text(rng)[:200]
    return rng.choice([1, 2.5, None, True, datetime.date(2020, 1, 2), 10**119, 10**125, -7, tuple([1, "a"]), tuple([None, 2]), b"xy"])


def value(rng, depth=0, shared=None):
    shared = shared if shared is not None else []
    k = rng.random()
    if k < 0.5 or depth > 4:
        return text(rng)
    if k < 0.65:
        return rng.choice([None, True, False, number(rng), [], {}, datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5, 600000), b"hello", b"x" * 100])
    if k < 0.70 and shared:
        return rng.choice(shared)
    if k < 0.72:
        return {rng.choice(["a", "b", 1])}
    if k < 0.86:
        made = [value(rng, depth + 1, shared) for _ in range(rng.randint(0, 4))]
    else:
        made = {key(rng): value(rng, depth + 1, shared) for _ in range(rng.randint(0, 4))}
    if rng.random() < 0.3:
        shared.append(made)
    return made


def encode(item, seen=None):
    seen = seen if seen is not None else {}
    if item is None or isinstance(item, (bool, str)):
        return item
    if isinstance(item, int):
        return {"i": str(item)}
    if isinstance(item, float):
        return {"f": repr(item)}
    if isinstance(item, datetime.date):
        return {"t": str(item)}
    if isinstance(item, bytes):
        return {"b": list(item)}
    if isinstance(item, (set, frozenset)):
        return {"s": [encode(x, seen) for x in item]}
    if isinstance(item, tuple):
        return [encode(x, seen) for x in item]
    if id(item) in seen:
        return {"ref": seen[id(item)]}
    if isinstance(item, list):
        inner = [encode(x, seen) for x in item]
    else:
        inner = {"m": [[encode(k, seen), encode(v, seen)] for k, v in item.items()]}
    seen[id(item)] = len(seen) + 1
    return {"id": seen[id(item)], "v": inner}


def plain(item):
    """The same without identities, as the reader prints it."""
    if isinstance(item, (list, tuple)):
        return [plain(x) for x in item]
    if isinstance(item, dict):
        return {"m": [[plain(k), plain(v)] for k, v in item.items()]}
    return encode(item)


def load(source):
    """What DVC's loader makes of a text: the value as JSON, or the kind of error with its sentences."""
    if isinstance(source, bytes):
        try:
            source = source.decode("utf-8")
        except UnicodeDecodeError:
            return {"error": "encoding"}
    source = io.IncrementalNewlineDecoder(None, True).decode(source, True)
    try:
        return plain(YAML(typ="safe", pure=True).load(source))
    except MarkedYAMLError as exc:
        notes = []
        where = lambda mark: f"in line {mark.line + 1}, column {mark.column + 1}"
        if exc.context_mark is not None:
            notes.append(", ".join([str(exc.context).capitalize(), where(exc.context_mark)]))
        if exc.problem is not None:
            notes.append(", ".join([str(exc.problem).capitalize(), where(exc.problem_mark) if exc.problem_mark else ""]))
        return {"error": "marked", "notes": notes}
    except YAMLError:
        return {"error": "character"}
    except RecursionError:
        return {"error": "deep"}
    except Exception as exc:  # noqa: BLE001
        return {"error": "value", "text": str(exc)}


def run(probe, mode, data):
    return subprocess.run([probe, mode], input=data, stdout=subprocess.PIPE, check=True).stdout


def same(want, got):
    if isinstance(want, dict) and "error" in want:
        if not (isinstance(got, dict) and got.get("error") == want["error"]):
            return False
        return want.get("notes") in (None, got.get("notes"))
    return sets_sorted(want) == sets_sorted(got)


def sets_sorted(item):
    if isinstance(item, list):
        return [sets_sorted(x) for x in item]
    if isinstance(item, dict):
        return {k: sorted(map(json.dumps, v)) if k == "s" else sets_sorted(v) for k, v in item.items()}
    return item


def check_emit(probe, count, rng):
    values = [{"k": value(rng)} if rng.random() < 0.3 else {"schema": "2.0", "stages": {"s@1-b": {"cmd": text(rng), "params": {"p": value(rng)}}}} for _ in range(count)]
    lines = "\n".join(json.dumps(encode(v)) for v in values) + "\n"
    texts = run(probe, "emit", lines.encode()).decode().split("\0")[:-1]
    assert len(texts) == count, (len(texts), count)
    bad = lossy = 0
    rereads = []
    for v, got in zip(values, texts):
        want = dumps_yaml(v)
        if got == want:
            continue
        back = load(want)
        if sets_sorted(back) != sets_sorted(plain(v)) and sets_sorted(load(got)) == sets_sorted(plain(v)):
            lossy += 1
            continue
        bad += 1
        if bad <= 5:
            print("--- differs", repr(v)[:300])
            for a, b in zip(got.split("\n"), want.split("\n")):
                if a != b:
                    print("  got ", repr(a), "\n  want", repr(b))
                    break
            print("  DVC's own reads back:", sets_sorted(back) == sets_sorted(plain(v)), " ours:", load(got) == plain(v))
    rereads = run(probe, "read", "\0".join(texts).encode()).decode().split("\n")
    unread = 0
    for v, back in zip(values, rereads):
        if sets_sorted(json.loads(back)) != sets_sorted(plain(v)):
            unread += 1
            if unread <= 3:
                print("--- does not read back", repr(v)[:300], back[:300])
    print(f"emit: {count} documents, {bad} differ, {lossy} differ because DVC's text does not read back, {unread} of ours do not read back")
    return bad + unread


PIECES = [
    "a", "b: ", "a: ", ": ", ":", "- ", "-", "? ", "?", "\n", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", " ", "  ", "\t", "#", " # c", "[", "]", "{", "}", ", ", ",", "'", '"', "|", ">",
    "|\n  x\n", ">-\n  x\n  y\n", "|2\n", "|+\n", "&x ", "*x", "&y", "*y ", "!", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!map ", "!!seq ", "!!set ", "!!binary ", "!foo ",
    "!!timestamp ", "!!omap ", "!!pairs ", "!<tag:yaml.org,2002:str> ", "!e!x ", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%TAG ! tag:x,1:\n---\n", "%", "@", "`", "---", "--- ", "...", "\n---\n", "\n...\n", "<<: ", "<<", "=", "~", "null", "true", "yes", "1", "01", "0o7",
    "0x1F", "1_0", "1e3", ".5", ".5e3", "-.inf", ".nan", "1:30", "2020-01-01", "2020-01-01 1:02:03.5 +1", "2020-13-01", "\ufeff", "é", "\u2028", "\x85", "\\", "\\n", "\\x41", "\\q",
    "\x07", "k" * 130, "key: value\n", "  key: value\n", "- item\n", "x: {a: 1, b: [2, 3]}\n", "y: &x {a: 1}\n", "z:\n  <<: *x\n  b: 2\n", '"a b": ', "'it''s'", "a:b", "a#b", "-a", "?a", ":a", "http://x:80/y", "\r\n", "\r",
]


def check_read(probe, sources):
    encoded = [s.encode("utf-8", "surrogatepass") for s in sources]
    lines = run(probe, "read", b"\0".join(encoded)).decode().split("\n")
    bad = errors = words = 0
    for source, line in zip(sources, lines):
        want, got = load(source.encode("utf-8", "surrogatepass")), json.loads(line)
        errors += isinstance(want, dict) and "error" in want
        if same(want, got):
            continue
        if isinstance(want, dict) and isinstance(got, dict) and "error" in want and want.get("error") == got.get("error"):
            words += 1
            if words <= 5:
                print("--- words", repr(source), "\n  want", want.get("notes"), "\n  got ", got.get("notes"))
            continue
        bad += 1
        if bad <= 10:
            print("--- differs", repr(source), "\n  want", json.dumps(want)[:300], "\n  got ", json.dumps(got)[:300])
    print(f"read: {len(sources)} documents ({errors} are errors), {bad} differ, {words} errors in other words")
    return bad + words


def pieces(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 12))).replace("\0", "")


def mutated(rng):
    source = dumps_yaml({"stages": {"a": {"cmd": text(rng), "p": value(rng)}, "b": value(rng)}})
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(source) + 1)
        kind = rng.random()
        if kind < 0.4:
            source = source[:at] + rng.choice(PIECES) + source[at:]
        elif kind < 0.7:
            source = source[:at] + source[at + rng.randint(1, 3) :]
        else:
            source = source[:at] + rng.choice(" \n:-#'\"[]{},&*!|>") + source[at + 1 :]
    return source.replace("\0", "")


def main():
    probe = sys.argv[1]
    mode = sys.argv[2] if len(sys.argv) > 2 else "emit"
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    if mode == "emit":
        bad = check_emit(probe, count, rng)
    elif mode == "read":
        bad = check_read(probe, [pieces(rng) for _ in range(count)])
    else:
        bad = check_read(probe, [mutated(rng) for _ in range(count)])
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
