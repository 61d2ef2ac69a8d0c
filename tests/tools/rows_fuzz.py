"""Random tables, and the records that Python's csv finds in them.

    python rows_fuzz.py tables COUNT SEED

Each line is a case in JSON: `source` (hex), `delimiter`, `records` (where the record ends, the line on which it begins, its
fields as Latin-1) and `open` (whether a quote is never closed; then there are no records). Empty records are none: their line
ends stand behind the record before them. A byte order mark in front is what Python's utf-8-sig takes away; places count it.
"""

import codecs
import csv
import io
import json
import random
import sys

PIECES = [b"a", b"b", b"", b" ", b"x\xe9", b'"', b'""', b'"a"', b'"a,b"', b'"\n"', b'"\r\n"', b'"\r"', b'""""', b"\t", b'"x"y', b'x"y']


def table(rng, delimiter):
    if rng.random() < 0.5:
        pool = b'ab""\n\n\r"x ' + delimiter * 3
        data = bytes(rng.choice(pool) for _ in range(rng.randint(0, 40)))
        return data.replace(b"\r", b"\r\n") if rng.random() < 0.5 else data
    end = rng.choice([b"\n", b"\n", b"\r\n", b"\r"])
    rows = [delimiter.join(rng.choice(PIECES) for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(0, 6))]
    return end.join(rows) + rng.choice([b"", end, end + end])


def with_mark(rng, data):
    """Sometimes behind a mark, two of them, or a part of one."""
    mark = codecs.BOM_UTF8
    return rng.choices([b"", mark, mark + mark, mark[:1], mark[:2]], [20, 5, 1, 1, 1])[0] + data


def unmarked(data):
    """What utf-8-sig takes away, for bytes that need not be UTF-8."""
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    return data


class Lines:
    """The lines of a text, counted."""

    def __init__(self, data):
        self.text = io.TextIOWrapper(io.BytesIO(data), encoding="latin-1", newline="")
        self.count = self.place = 0

    def __iter__(self):
        return self

    def __next__(self):
        line = self.text.readline()
        if not line:
            raise StopIteration
        self.count += 1
        self.place += len(line)
        return line


def is_open(data, delimiter):
    """Whether the last record lacks a quote: one more closes it, and then another character is no longer within quotes."""
    lines = Lines(data)
    list(csv.reader(lines, delimiter=delimiter))
    ended = list(csv.reader(io.StringIO(data.decode("latin-1") + "\n#\n", newline=""), delimiter=delimiter))
    return not ended or ended[-1] != ["#"]


def records(source, delimiter):
    data = unmarked(source)
    mark = len(source) - len(data)
    lines = Lines(data)
    reader, found = csv.reader(lines, delimiter=delimiter), []
    while True:
        place, line = lines.place, lines.count + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        if row:
            found.append((place, line, row))
    ends = [place for place, _, _ in found[1:]] + [len(data)]
    return [[mark + end, line, row] for end, (_, line, row) in zip(ends, found)]


def main():
    _, count, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for seed in range(first, first + count):
        rng = random.Random(seed)
        delimiter = rng.choice([",", ",", ";", "\t"])
        data = with_mark(rng, table(rng, delimiter.encode()))
        opened = is_open(unmarked(data), delimiter)
        case = {"seed": seed, "source": data.hex(), "delimiter": delimiter, "open": opened}
        case["records"] = [] if opened else records(data, delimiter)
        print(json.dumps(case))


main()
