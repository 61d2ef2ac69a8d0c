"""What real DVC makes of random YAML, as lines of JSON for tests/it/fuzz.

    python tests/tools/yaml_fuzz.py KIND COUNT SEED

Run with a Python that has dvc installed; document N of a run comes from seed SEED + N alone.
Reading: `pieces` (awkward pieces in a row), `scalars` (what looks like a number, a date or
a word), `layout` (valid documents in every style), `mutated` (documents that DVC wrote or that
`layout` made, with random edits of characters), `bytes` (the same, with random edits of bytes).
A line has the bytes of the document in hexadecimal and what ruamel reads, or its error.
Printing: `repr` (any values, with odd numbers and characters). A line has the values and what `repr` and `str` make of each.
Writing: `emit` (any values) and `locks` (entries of dvc.lock, written into one file one after
another). A line has the values and the text that DVC writes.

    python tests/tools/yaml_fuzz.py files BYTES FOLDER...

A line for each dvc.lock below the folders, if it is not larger, with what DVC writes for what it reads there.
"""

import datetime
import io
import json
import os
import random
import struct
import sys
import tempfile
import unicodedata
import warnings

from dvc.utils.serialize import YAMLFileCorruptedError, dumps_yaml, load_yaml, modify_yaml
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


def sets_sorted(item):
    if isinstance(item, list):
        return [sets_sorted(x) for x in item]
    if isinstance(item, dict):
        return {k: sorted(sets_sorted(v), key=json.dumps) if k == "s" else sets_sorted(v) for k, v in item.items()}
    return item


PIECES = [
    "a", "b: ", "a: ", ": ", ":", "- ", "-", "? ", "?", "\n", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", " ", "  ", "\t", "#", " # c", "[", "]", "{", "}", ", ", ",", "'", '"', "|", ">",
    "|\n  x\n", ">-\n  x\n  y\n", "|2\n", "|+\n", "&x ", "*x", "&y", "*y ", "!", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!map ", "!!seq ", "!!set ", "!!binary ", "!foo ",
    "!!timestamp ", "!!omap ", "!!pairs ", "!<tag:yaml.org,2002:str> ", "!e!x ", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%TAG ! tag:x,1:\n---\n", "%", "@", "`", "---", "--- ", "...", "\n---\n", "\n...\n", "<<: ", "<<", "=", "~", "null", "true", "yes", "1", "01", "0o7",
    "0x1F", "1_0", "1e3", ".5", ".5e3", "-.inf", ".nan", "1:30", "2020-01-01", "2020-01-01 1:02:03.5 +1", "2020-13-01", "\ufeff", "é", "\u2028", "\x85", "\\", "\\n", "\\x41", "\\q",
    "\x07", "k" * 130, "key: value\n", "  key: value\n", "- item\n", "x: {a: 1, b: [2, 3]}\n", "y: &x {a: 1}\n", "z:\n  <<: *x\n  b: 2\n", '"a b": ', "'it''s'", "a:b", "a#b", "-a", "?a", ":a", "http://x:80/y", "\r\n", "\r",
]


def pieces(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 12)))


ODD = ["+", "-", ".", "_", ":", "e", "E", "x", "o", "b", " ", "T", "Z", "/", ","]


def looks(rng):
    """Something that looks like a number, a date or a word with a meaning."""
    kind = rng.randrange(7)
    if kind == 0:
        return "".join(rng.choice("0123456789" * 2 + "._-+eE") for _ in range(rng.randint(1, 9)))
    if kind == 1:
        return rng.choice(["", "-", "+", "-_"]) + rng.choice(["0x", "0o", "0b", "0", "0X", "0B"]) + "".join(rng.choice("01234567_89abF") for _ in range(rng.randint(0, 8)))
    if kind == 2:
        return rng.choice(["", "-", "+"]) + "".join(rng.choice("0123456789") for _ in range(rng.choice([1, 3, 18, 19, 20, 40]))) + rng.choice(["", "", ".", ".0", "e5", "e+400", "E-400", "_0", ".5e3", "_"])
    if kind == 3:
        text = rng.choice(["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "~", "inf", "nan", "None", "True"])
        return rng.choice(["", "-", "+", "."]) * (rng.random() < 0.3) + rng.choice([text, text.upper(), text.capitalize(), text.swapcase()])
    if kind == 4:
        number = lambda most: str(rng.randrange(most)).zfill(rng.choice([1, 2, 2]))
        date = f"{rng.choice(['2020', '0001', '9999', '0000', '99', str(rng.randrange(10000))])}-{number(14)}-{number(33)}"
        if rng.random() < 0.4:
            return date
        time = f"{number(26)}:{number(62)}:{number(62)}" + rng.choice(["", "", ".", ".5", ".123456", ".9999995", ".1234567"])
        return date + rng.choice([" ", "T", "t", "  ", "_"]) + time + rng.choice(["", "", "Z", " Z", "+1", "-05:30", " +01:00", "+25", "z", "-00:30", "+5:5"])
    if kind == 5:
        return ":".join(str(rng.randrange(70)) for _ in range(rng.randint(2, 4))) + rng.choice(["", ".5"])
    text = looks(rng)
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(ODD) + text[at:]


def scalars(rng):
    head = "%YAML 1.1\n---\n" if rng.random() < 0.1 else ""
    lines = []
    for number in range(rng.randint(1, 6)):
        tag = rng.choice(["!!int ", "!!float ", "!!bool ", "!!str ", "!!timestamp ", "! "]) if rng.random() < 0.08 else ""
        lines.append(rng.choice([f"k{number}: {tag}{looks(rng)}", f"k{number}: [{looks(rng)}, {tag}{looks(rng)}]", f"{looks(rng)}: {looks(rng)}", f"k{number}: {{{looks(rng)}: {looks(rng)}}}"]))
    return head + "\n".join(lines) + "\n"


class Layout:
    """A random document that is meant to be valid, in every style that YAML has."""

    def __init__(self, rng):
        self.rng = rng
        self.anchors = []
        self.maps = []
        self.tabs = rng.random() < 0.1

    def document(self):
        rng = self.rng
        text = rng.choice(["", "", "", "---\n", "# head\n", "%YAML 1.2\n---\n", "\ufeff", "--- # c\n"]) + self.map(0, rng.randint(1, 5))
        text += rng.choice(["", "", "", "...\n", "# tail", "\n\n", "...\n# end\n"])
        end = rng.choice(["\n"] * 6 + ["\r\n", "\r"])
        return text.replace("\n", end)

    def comment(self):
        return self.rng.choice(["", "", "", "", " # c", "  #: [c", "\t# tab" if self.tabs else "", " "])

    def lead(self, indent):
        return self.rng.choice([""] * 8 + ["\n", "# own line\n", " " * indent + "# in line\n", "   \n"])

    def key(self, number):
        rng = self.rng
        name = rng.choice(["k", "lr", "a b", "é", "x-y", "stage@1", "k.v"]) + str(number)
        return rng.choice([name] * 6 + [f"'{name}'", f'"{name}"', f'"\\x6b{number}"', str(rng.randrange(99) + number * 100), f"{number}.5", f"!!str {number}", f"? {name}\n"])

    def map(self, indent, count):
        rng, out, pad = self.rng, "", " " * indent
        for number in range(count):
            out += self.lead(indent) + pad
            if self.maps and rng.random() < 0.1:
                names = rng.sample(self.maps, min(len(self.maps), rng.randint(1, 2)))
                out += "<<: " + ("*" + names[0] if len(names) == 1 else "[" + ", ".join("*" + name for name in names) + "]") + self.comment() + "\n"
                continue
            key = self.key(number)
            if key.startswith("? "):
                out += key + pad + ":" + self.value(indent)
            else:
                out += key + rng.choice(["", "", "", " "]) + ":" + self.value(indent)
        return out

    def value(self, indent):
        """All that may stand behind a colon or a dash, with the line end."""
        rng, kind, anchor = self.rng, self.rng.random(), ""
        if self.anchors and kind < 0.06:
            return f" *{rng.choice(self.anchors)}" + self.comment() + "\n"
        name = f"a{len(self.anchors)}"
        if rng.random() < 0.12:
            anchor = f" &{name}"
        more = indent + rng.choice([1, 2, 2, 2, 4])
        if kind < 0.25 and indent < 12:
            text = anchor + self.comment() + "\n" + self.map(more, rng.randint(1, 4))
            self.maps += [name] if anchor else []
        elif kind < 0.4 and indent < 12:
            text = anchor + self.comment() + "\n"
            for _ in range(rng.randint(1, 4)):
                text += self.lead(more) + " " * more + "-" + self.value(more)
        else:
            text = anchor + rng.choice([" ", " ", "  ", "\t" if self.tabs else " "]) + self.scalar(indent, more)
        self.anchors += [name] if anchor else []
        return text

    def words(self, count=6):
        rng = self.rng
        return " ".join(rng.choice(["a", "of", "train.py", "--lr", "0.1", "it's", "x:y", "a#b", "日本", "😀", "$HOME", "\\", "{", "k=v", "-x", "w" * rng.randint(1, 40)]) for _ in range(rng.randint(1, count)))

    def scalar(self, indent, more):
        rng, kind = self.rng, self.rng.randrange(12)
        if kind < 3:
            return rng.choice([looks(rng), "w" + self.words(), ""]) + self.comment() + "\n"
        if kind == 3:
            pad = " " * more
            return ("w" + self.words()) + "".join("\n" * rng.choice([1, 1, 2, 3]) + pad + rng.choice(["", " ", "\t" if self.tabs else ""]) + "w" + self.words() + rng.choice(["", " "]) for _ in range(rng.randint(1, 3))) + "\n"
        if kind == 4:
            return "'" + self.words(20).replace("'", "''").replace(" of ", "\n" * rng.randint(1, 2) + " " * more) + "'" + self.comment() + "\n"
        if kind in (5, 6):
            inner = "".join(rng.choice(["a", " ", "é", "\\n", "\\t", "\\\\", '\\"', "\\x41", "\\u00e9", "\\U0001F600", "\\0", "\\/", "\\_", "\\N", "\\L", "\\e", "\\ ", "\n" + " " * more, "\\\n" + " " * more, "\n\n" + " " * more, "# ", ": "]) for _ in range(rng.randint(0, 14)))
            return f'"{inner}"' + self.comment() + "\n"
        if kind < 9:
            given = rng.random() < 0.3
            step = rng.randint(1, 4) if given else more - indent
            head = rng.choice("|>") + rng.choice(["", "-", "+"] if not given else [str(step), f"{step}-", f"+{step}"]) + self.comment().rstrip("\t") + "\n"
            pad = " " * (indent + step)
            lines = [rng.choice([pad, pad, pad, pad + " ", pad + "\t", ""]) + self.words(9) if rng.random() < 0.85 else rng.choice(["", " ", pad + "  "]) for _ in range(rng.randint(0, 5))]
            lines = [line if line.startswith(pad) or not line.strip() else pad + line for line in lines]
            return head + "".join(line + "\n" for line in lines)
        return self.flow(0, more) + self.comment() + "\n"

    def flow(self, depth, pad):
        rng = self.rng
        gap = lambda: rng.choice(["", "", " ", "\n" + " " * pad, " # c\n" + " " * pad])
        kind = rng.random()
        if depth > 3 or kind < 0.4:
            return rng.choice([looks(rng).replace(",", "") or "0", "w", "'q, ]'", '"d }"', "w w", "a:b", "*" + rng.choice(self.anchors) if self.anchors else "''", "http://x/y"])
        items = [self.flow(depth + 1, pad) for _ in range(rng.randint(0, 4))]
        if kind < 0.7:
            return "[" + gap() + ("," + gap()).join(items) + rng.choice(["", ",", gap()]) + "]"
        pairs = [rng.choice([f"k{number}: {item}", f"'k{number}':{item}", f"k{number}", f"? k{number} : {item}", f'"k{number}" : {item}']) for number, item in enumerate(items)]
        return "{" + gap() + ("," + gap()).join(pairs) + gap() + "}"


def layout(rng):
    return Layout(rng).document()


def mutated(rng):
    if rng.random() < 0.5:
        source = layout(rng)
    else:
        source = dumps_yaml({"stages": {"a": {"cmd": text(rng), "p": value(rng)}, "b": value(rng)}})
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(source) + 1)
        kind = rng.random()
        if kind < 0.4:
            source = source[:at] + rng.choice(PIECES) + source[at:]
        elif kind < 0.6:
            source = source[:at] + source[at + rng.randint(1, 3) :]
        elif kind < 0.65:
            source = source[:at]
        elif kind < 0.75:
            end = at + rng.randint(1, 20)
            to = rng.randrange(len(source) + 1)
            source = source[:to] + source[at:end] + source[to:]
        else:
            source = source[:at] + rng.choice(" \n:-#'\"[]{},&*!|>") + source[at + 1 :]
    return source


def random_bytes(rng):
    source = bytearray(mutated(rng).encode("utf-8", "surrogatepass"))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(source) + 1)
        if rng.random() < 0.5:
            source[at : at + 1] = bytes([rng.randrange(256 if rng.random() < 0.1 else 128)])
        else:
            source[at:at] = rng.choice([b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\x7f", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xef\xbf\xbe", b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xc2\x80", b"\xc2\xa0"])
    return bytes(source)


def command(rng):
    """A command as people write them: often longer than a line."""
    words = [rng.choice(["python", "train.py", "--lr", "0.001", "--name", "'a b'", '"x y"', "&&", "|", ">", "2>&1", "$HOME", "${X}", "-o", "out/model.bin", "x=y", "\\", "a:", "#", "# c", "é", "日本", "😀", "it's", "{a}", "[0]", "--" + "w" * rng.randint(1, 60), "", "  ", "- x", "*.csv", "`d`", "!"]) for _ in range(rng.randint(1, 40))]
    joint = rng.choice([" "] * 8 + ["\n", " \\\n  ", "\t"])
    if rng.random() < 0.6:
        words, joint = [word for word in words if word.strip()], " "
    return joint.join(words) + rng.choice(["", "", "", "\n", " "])


def entry(rng):
    """The entry of a stage in dvc.lock, in DVC's order."""
    md5 = lambda: rng.choice(["".join(rng.choice("0123456789abcdef") for _ in range(32)), "".join(rng.choice("0123456789") for _ in range(32)), f"{rng.randrange(10**6)}e{rng.randrange(10**25)}".rjust(32, "1"), "".join(rng.choice("0123456789abcdef") for _ in range(32)) + ".dir"])

    def item(path):
        made = {"path": path, "hash": "md5", "md5": md5(), "size": rng.choice([0, rng.randrange(10**6), rng.randrange(10**14)])}
        if made["md5"].endswith(".dir"):
            made["nfiles"] = rng.randrange(1000)
        elif rng.random() < 0.1:
            made["isexec"] = True
        return made

    odd = rng.random() < 0.3
    paths = ["data/a b.csv", "é.txt", "1", "true", "x: y", "#a", "日本/😀", "it's", "-", "~", "null", "2020-01-01", "0x1", "a" * 90, *(["word " * 20 + "end", "a\nb"] if odd else []), " lead", "tail ", "'", '"', "1e5", "w" * 60 + " " + "v" * 40, "p\\q", "[x]", "{y}", "@z", "%w", "..", "../up/x"] + [f"f{number}" for number in range(20)]
    made = {"cmd": command(rng) if rng.random() < 0.7 else [command(rng) for _ in range(rng.randint(1, 4))]}
    if rng.random() < 0.7:
        made["deps"] = [item(path) for path in sorted(rng.sample(paths, rng.randint(1, 4)))]
    if rng.random() < 0.7:
        shared = []
        names = lambda: {key(rng) if rng.random() < 0.1 else rng.choice((KEYS if odd else KEYS[:9]) + ["train.lr", "a.b[0]", "x"]): value(rng, 1, shared) if odd else rng.choice([number(rng), rng.choice(WORDS), None, True, [number(rng), "x y"], {"b": number(rng), "a": [None, []]}]) for _ in range(rng.randint(1, 4))}
        files = sorted(rng.sample(["params.yaml", "conf/x y.json", "p.py", "é.toml"], rng.randint(1, 2)), key=lambda path: (path != "params.yaml", path))
        made["params"] = {path: dict(sorted({str(name): item for name, item in names().items()}.items(), key=lambda pair: pair[0])) for path in files}
    if rng.random() < 0.7:
        made["outs"] = [item(path) for path in sorted(rng.sample(paths, rng.randint(1, 4)))]
    return made


READ = {"pieces": pieces, "scalars": scalars, "layout": layout, "mutated": mutated, "bytes": random_bytes}


def reads(kind, rng):
    source = READ[kind](rng)
    if isinstance(source, str):
        source = source.encode("utf-8", "surrogatepass")
    return {"source": source.hex(), "want": sets_sorted(load(source))}


def odd_float(rng):
    kind = rng.randrange(5)
    if kind == 0:
        return struct.unpack("d", rng.randbytes(8))[0]
    if kind == 1:
        return float(f"{rng.choice(['', '-'])}{rng.randrange(1, 10**rng.randint(1, 17))}e{rng.randint(-320, 300)}")
    if kind == 2:
        return rng.randrange(1, 2**53) / 2 ** rng.randint(0, 1074)
    if kind == 3:
        return rng.choice([1, -1]) * 10.0 ** rng.randint(-6, 25) * rng.choice([1, 1.5, 3])
    return number(rng) * 1.0


def odd_text(rng):
    """Characters of all planes that are assigned (or never will be, or for private use)."""
    out = ""
    for _ in range(rng.randint(0, 12)):
        code = rng.choice([rng.randrange(0x80), rng.randrange(0x100), rng.randrange(0x3000), rng.randrange(0x10000), rng.randrange(0x20000), rng.randrange(0xE0000, 0x110000), ord("'"), ord('"'), ord("\\")])
        if unicodedata.category(chr(code)) not in ("Cn", "Cs") or code & 0xFFFE == 0xFFFE:
            out += chr(code)
    return out


def shown(rng, depth=0):
    kind = rng.random()
    if kind < 0.3:
        return odd_float(rng)
    if kind < 0.6 or depth > 2:
        return odd_text(rng)
    if kind < 0.75:
        day = datetime.date(rng.randint(1, 9999), rng.randint(1, 12), rng.randint(1, 28))
        time = datetime.time(rng.randrange(24), rng.choice([0, 7]), rng.choice([0, 7]), rng.choice([0, 0, 7, 600000]))
        return rng.choice([None, True, False, rng.randint(-(2**70), 2**70), rng.randbytes(rng.randrange(9)), b"'\"\\", b"it's", {odd_text(rng)}, day, datetime.datetime.combine(day, time)])
    if kind < 0.87:
        return [shown(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice([odd_text(rng), rng.randrange(9), odd_float(rng), None]): shown(rng, depth + 1) for _ in range(rng.randrange(4))}


def reprs(rng):
    made = [shown(rng) for _ in range(20)]
    return {"value": encode(made), "want": [[repr(item), str(item)] for item in made]}


def emits(rng):
    made = {"k": value(rng)} if rng.random() < 0.3 else {"schema": "2.0", "stages": {"s@1-b": {"cmd": text(rng), "params": {"p": value(rng)}}}}
    return {"value": encode(made), "want": dumps_yaml(made)}


def locks(rng, path="dvc.lock"):
    """Some entries, one after another, as `Lockfile.dump_stages` puts them into the file."""
    if os.path.exists(path):
        os.unlink(path)
    steps = []
    try:
        for number in range(rng.randint(1, 3)):
            name, made = rng.choice([f"s{number}", f"s{number}", "s0", "train@a-1", "x_y"]), entry(rng)
            with modify_yaml(path) as data:
                if not data:
                    data.update({"schema": "2.0"})
                data["stages"] = data.get("stages", {})
                data["stages"].update({name: made})
            with open(path, encoding="utf-8", newline="") as file:
                steps.append({"name": name, "entry": encode(made), "text": file.read()})
    except YAMLFileCorruptedError:
        pass  # DVC cannot read what it has written.
    return {"steps": steps}


def files(most, folders):
    """What DVC writes for each dvc.lock that it can read and that is not too large."""
    paths = sorted(os.path.join(top, "dvc.lock") for folder in folders for top, _, names in os.walk(folder) if "dvc.lock" in names)
    for path in paths:
        if os.path.getsize(path) > most:
            continue
        made = {"seed": 0, "path": path}
        try:
            made["text"] = dumps_yaml(load_yaml(path))
        except Exception:  # noqa: BLE001, S110
            pass
        print(json.dumps(made))


def main():
    if sys.argv[1] == "files":
        files(int(sys.argv[2]), sys.argv[3:])
        return
    kind, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number in range(seed, seed + count):
            rng = random.Random(number)
            made = {"emit": emits, "locks": locks, "repr": reprs}[kind](rng) if kind in ("emit", "locks", "repr") else reads(kind, rng)
            print(json.dumps({"seed": number, **made}))
        os.chdir("/")


if __name__ == "__main__":
    main()
