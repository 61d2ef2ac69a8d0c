"""Makes tests/data/template_table.json: what real DVC makes of templates.

Run it with the Python of an environment that holds dvc 3.67.1:

    python tests/tools/make_template_table.py            # writes tests/data/template_table.json
    python tests/tools/make_template_table.py 500 1000 FILE   # 500 random cases from seed 1000 on

Each case is a table of files, the directory of the dvc.yaml and the current directory. What DVC
gives is kept as the `repr` of the resolved data, so that types and order count.
"""

import json
import logging
import os
import pathlib
import random
import re
import sys
import tempfile

import dvc
from dvc.exceptions import DvcException
from dvc.parsing import DataResolver
from dvc.repo import Repo
from dvc.utils.strictyaml import YAMLSyntaxError, YAMLValidationError

ANSI = re.compile(r"\x1b\[[0-9;]*m")

# name: (dvc.yaml, other files)
CASES = {
    "plain": ("stages: {a: {cmd: 'x $y \\z {} ${'}}", {}),
    "types": ("vars: [s: t, i: 1, f: 1.50, e: 1e5, b: true, n: null, neg: -0.0, big: 123456789012345678901234567890]\n"
              "stages: {a: {cmd: '${s} ${i} ${f} ${e} ${b} ${n} ${neg} ${big}', desc: x, meta: ['${s}', '${i}', '${f}', '${e}', '${b}', '${n}', '${big}']}}", {}),
    "floats": ("vars: [l: [1e16, 1e-5, 0.0001, .inf, -.inf, .nan, 1e22, 123456789.123456789, 5e-324]]\n"
               "stages: {a: {cmd: '${l[0]} ${l[1]} ${l[2]} ${l[3]} ${l[4]} ${l[5]} ${l[6]} ${l[7]} ${l[8]}'}}", {}),
    "escapes": ("vars: [v: 1]\nstages: {a: {cmd: ['\\${v}', '\\${v} ${v}', '\\\\${v}', '$${v}', 'a\\$b', '${v', '${v}}', '{${v}}']}}", {}),
    "escape-in-value": ("vars: [v: '\\${w}', w: 1]\nstages: {a: {cmd: ['${v}', 'x ${v}']}}", {}),
    "no-second-round": ("vars: [v: '${w}', w: 1]\nstages: {a: {cmd: x}}", {}),
    "value-with-template": ("vars: [p.yaml]\nstages: {a: {cmd: ['${v}', 'x ${v}']}}", {"p.yaml": "v: '${w}'\nw: 1\n"}),
    "nested": ("vars: [m: {a: {b: [1, {c: d}]}}]\nstages: {a: {cmd: '${m.a.b[1].c} ${m.a.b.0} ${m[a][b][-1][c]} ${ m . a . b [ 0 ] }'}}", {}),
    "nested-2": ("vars: [m: {a: 1, 'b c': 2}]\nstages: {a: {cmd: '${ m.a } ${m[a]} ${m.b c}'}}", {}),
    "index-float": ("vars: [l: [1, 2]]\nstages: {a: {cmd: '${l[1.0]}'}}", {}),
    "index-underscore": ("vars: [l: [1, 2]]\nstages: {a: {cmd: '${l[+1]} ${l[0_1]}'}}", {}),
    "index-out": ("vars: [l: [1, 2]]\nstages: {a: {cmd: '${l[2]}'}}", {}),
    "index-minus": ("vars: [l: [1, 2]]\nstages: {a: {cmd: '${l[-2]} ${l[-3]}'}}", {}),
    "index-word": ("vars: [l: [1, 2]]\nstages: {a: {cmd: '${l.x}'}}", {}),
    "below-leaf": ("vars: [l: 1]\nstages: {a: {cmd: '${l.x}'}}", {}),
    "unknown": ("stages: {a: {cmd: '${nope[0].x}'}}", {}),
    "unknown-dep": ("stages: {a: {cmd: x, deps: [a, '${d}']}}", {}),
    "parse-empty": ("stages: {a: {cmd: '${}'}}", {}),
    "parse-dots": ("stages: {a: {cmd: 'x ${a..b} y'}}", {}),
    "parse-bracket": ("stages: {a: {cmd: x, outs: ['${a[0}']}}", {}),
    "parse-key": ("stages: {a: {cmd: x, meta: {'${a.}': 1}}}", {}),
    "parse-in-do": ("stages: {a: {foreach: [1], do: {cmd: '${a.}'}}}", {}),
    "parse-in-foreach": ("stages: {a: {foreach: '${a.}', do: {cmd: x}}}", {}),
    "parse-in-matrix": ("stages: {a: {matrix: {x: ['${a]}']}, cmd: x}}", {}),
    "parse-wdir": ("stages: {a: {cmd: x, wdir: '${a.}'}}", {}),
    "parse-tab": ("stages: {a: {cmd: \"${a\\tb.}\"}}", {}),
    "newline-inside": ("vars: [a: 1]\nstages: {a: {cmd: \"${a\\n} ${a}\"}}", {}),
    "list-in-cmd": ("vars: [l: [1]]\nstages: {a: {cmd: 'x ${l}'}}", {}),
    "list-exact-cmd": ("vars: [l: [1]]\nstages: {a: {cmd: '${l}'}}", {}),
    "map-in-deps": ("vars: [m: {a: 1}]\nstages: {a: {cmd: x, deps: ['${m}']}}", {}),
    "map-in-desc": ("vars: [m: {a: 1}]\nstages: {a: {cmd: x, desc: 'y ${m}'}}", {}),
    "map-in-cmd": ("vars: [m: {a: 1, b: {c: x y, d: [1, 'z z', true, null, 1.50], e: {}}, t: true, f: false, n: null, q: \"it's\", em: '', l: [], u: ü}]\n"
                   "stages: {a: {cmd: 'x ${m}'}, b: {cmd: ['x ${m}', y]}}", {}),
    "map-exact-cmd": ("vars: [m: {a: 1}]\nstages: {a: {cmd: '${m}'}}", {}),
    "map-nested-list": ("vars: [m: {a: [[1]]}]\nstages: {a: {cmd: 'x ${m}'}}", {}),
    "map-list-of-maps": ("vars: [m: {a: {b: [{c: 1}]}}]\nstages: {a: {cmd: 'x ${m}'}}", {}),
    "map-clash": ("vars: [m: {a.b: 1, a: {b: 2}}]\nstages: {a: {cmd: 'x ${m}'}}", {}),
    "map-in-foreach-cmd": ("stages: {a: {foreach: [{x: 1, y: [a, b c]}], do: {cmd: 'r ${item} ${item.x}'}}}", {}),
    "keys": ("vars: [k: kk, v: 1]\nstages: {a: {cmd: x, outs: ['${k}': {cache: false}, 'p-${v}': {desc: 'd ${k}'}], meta: {'${k}': '${v}', 'x${v}': {'${k}${k}': ['${k}']}}}}", {}),
    "key-number": ("vars: [v: 1]\nstages: {a: {cmd: x, meta: {'${v}': a, '1': b}}}", {}),
    "key-list": ("vars: [v: [1]]\nstages: {a: {cmd: x, meta: {'${v}': a}}}", {}),
    "key-clash": ("vars: [v: b]\nstages: {a: {cmd: x, meta: {b: 1, '${v}': 2}}}", {}),
    "wdir": ("vars: [w: sub]\nstages: {a: {cmd: x, wdir: '${w}/y', vars: [v.yaml], desc: '${d}'}}", {"sub/y/v.yaml": "d: deep\n"}),
    "wdir-number": ("vars: [w: 5]\nstages: {a: {cmd: x, wdir: 'd${w}', vars: [v.yaml], desc: '${d}'}}", {"d5/v.yaml": "d: deep\n"}),
    "wdir-missing": ("stages: {a: {cmd: x, wdir: '${w}'}}", {}),
    "wdir-list": ("vars: [w: [1]]\nstages: {a: {cmd: x, wdir: '${w}'}}", {}),
    "default-params": ("stages: {a: {cmd: '${lr} ${m.x}'}}", {"params.yaml": "lr: 0.10\nm: {x: 1, 5: y}\n1: z\n"}),
    "default-empty": ("stages: {a: {cmd: x}}", {"params.yaml": ""}),
    "default-list": ("stages: {a: {cmd: x}}", {"params.yaml": "- 1\n"}),
    "default-date": ("stages: {a: {cmd: x}}", {"params.yaml": "a: {b: [1, 2020-01-01]}\n"}),
    "default-datetime": ("stages: {a: {cmd: x}}", {"params.yaml": "a: 2020-01-01 10:00:00\n"}),
    "default-set": ("stages: {a: {cmd: x}}", {"params.yaml": "a: !!set {x: null}\n"}),
    "default-broken": ("stages: {a: {cmd: x}}", {"params.yaml": "a: [1\n"}),
    "default-again": ("vars: [params.yaml, ./params.yaml]\nstages: {a: {cmd: '${lr}'}}", {"params.yaml": "lr: 1\n"}),
    "default-partly": ("vars: ['params.yaml:lr']\nstages: {a: {cmd: '${lr}'}}", {"params.yaml": "lr: 1\n"}),
    "partly-then-whole": ("vars: ['p.yaml:lr', p.yaml]\nstages: {a: {cmd: '${lr}'}}", {"p.yaml": "lr: 1\n"}),
    "partly-twice": ("vars: ['p.yaml:lr', 'p.yaml:x,lr']\nstages: {a: {cmd: '${lr}'}}", {"p.yaml": "lr: 1\nx: 2\n"}),
    "partly-more": ("vars: ['p.yaml:lr', 'p.yaml:x,,y']\nstages: {a: {cmd: '${lr} ${x} ${y}'}}", {"p.yaml": "lr: 1\nx: 2\ny: 3\nz: 4\n"}),
    "partly-other": ("vars: ['p.yaml:lr']\nstages: {a: {cmd: '${z}'}}", {"p.yaml": "lr: 1\nz: 4\n"}),
    "partly-missing": ("vars: ['p.yaml:lr,no']\nstages: {a: {cmd: x}}", {"p.yaml": "lr: 1\n"}),
    "partly-blank": ("vars: ['p.yaml:lr, z']\nstages: {a: {cmd: x}}", {"p.yaml": "lr: 1\nz: 1\n"}),
    "file-colon": ("vars: ['p.yaml:']\nstages: {a: {cmd: '${lr}'}}", {"p.yaml": "lr: 1\n"}),
    "file-missing": ("vars: [sub/../x.yaml]\nstages: {a: {cmd: x}}", {}),
    "file-dir": ("vars: [sub]\nstages: {a: {cmd: x}}", {"sub/x": ""}),
    "file-list": ("vars: [x.json]\nstages: {a: {cmd: x}}", {"x.json": "[1]"}),
    "file-text": ("vars: [x.txt]\nstages: {a: {cmd: x}}", {"x.txt": "abc"}),
    "file-json": ("vars: [x.json]\nstages: {a: {cmd: '${a} ${b} ${c}'}}", {"x.json": '{"a": NaN, "b": 1.50, "c": 1e5, "a": 2}'}),
    "file-json-broken": ("vars: [x.json]\nstages: {a: {cmd: x}}", {"x.json": "{"}),
    "file-toml": ("vars: [x.toml]\nstages: {a: {cmd: '${a.b} ${c}'}}", {"x.toml": "c = 1.50\n[a]\nb = true\n"}),
    "file-py": ("vars: [x.py]\nstages: {a: {cmd: '${A.b} ${c} ${t[1]} ${A.x}'}}", {"x.py": "c = 'd' 'e'\nt = [1, 2]\nclass A:\n    b = 1.50\n    def __init__(self):\n        self.x = -1\n"}),
    "file-py-tuple": ("vars: [x.py]\nstages: {a: {cmd: x}}", {"x.py": "t = [1, {'a': {2}}]\n"}),
    "merge-deep": ("vars: [a: {b: 1}, a: {c: {d: 1}}, a: {c: {e: 2}}]\nstages: {a: {cmd: '${a.b} ${a.c.d} ${a.c.e}'}}", {}),
    "merge-clash": ("vars: [a: {b: 1}, a: {b: 1}]\nstages: {a: {cmd: x}}", {}),
    "merge-clash-file": ("vars: [lr: 1]\nstages: {a: {cmd: x}}", {"params.yaml": "lr: 1\n"}),
    "merge-clash-kind": ("vars: [a: {b: 1}, a: 1]\nstages: {a: {cmd: x}}", {}),
    "merge-clash-list": ("vars: [p.yaml, q.yaml]\nstages: {a: {cmd: x}}", {"p.yaml": "a: {l: [1]}\n", "q.yaml": "a: {l: [1]}\n"}),
    "merge-clash-null": ("vars: [a: null, a: {b: 1}]\nstages: {a: {cmd: x}}", {}),
    "vars-template": ("vars: [{a: ['${x}']}]\nstages: {a: {cmd: x}}", {}),
    "vars-template-key": ("vars: [{'${x}': 1}]\nstages: {a: {cmd: x}}", {}),
    "vars-date": ("vars: [{a: 2020-01-01}]\nstages: {a: {cmd: x}}", {}),
    "vars-empty": ("vars: []\nstages: {a: {cmd: x}}", {}),
    "vars-empty-map": ("vars: [{}]\nstages: {a: {cmd: x, vars: []}}", {}),
    "stage-vars": ("vars: [a: 1]\nstages: {a: {vars: [b: 2, {m: {x: 1}}], cmd: '${a} ${b} ${m.x}'}, b: {cmd: '${a}'}}", {}),
    "stage-vars-gone": ("stages: {a: {vars: [b: 2], cmd: x}, b: {cmd: '${b}'}}", {}),
    "stage-vars-clash": ("vars: [a: 1]\nstages: {a: {vars: [a: 2], cmd: x}}", {}),
    "stage-vars-clash-map": ("vars: [a: {b: 1}]\nstages: {a: {vars: [a: 2], cmd: x}}", {}),
    "stage-vars-clash-deep": ("vars: [a: {b: {c: 1}}]\nstages: {a: {vars: [a: {b: 2}], cmd: x}}", {}),
    "stage-vars-merge": ("vars: [a: {b: 1}]\nstages: {a: {vars: [a: {c: 2}], cmd: '${a.b} ${a.c}'}, b: {cmd: '${a.c}'}}", {}),
    "stage-vars-file": ("stages: {a: {vars: [p.yaml], cmd: '${x}'}, b: {vars: ['p.yaml:x'], cmd: '${x}'}}", {"p.yaml": "x: 1\n"}),
    "stage-vars-twice": ("vars: ['p.yaml:x']\nstages: {a: {vars: [p.yaml], cmd: '${x}'}}", {"p.yaml": "x: 1\n"}),
    "stage-vars-partly": ("vars: [p.yaml]\nstages: {a: {vars: ['p.yaml:x'], cmd: '${x}'}}", {"p.yaml": "x: 1\n"}),
    "stage-vars-missing": ("stages: {a: {vars: [p.yaml], cmd: x}}", {}),
    "stage-vars-template": ("vars: [x: 1]\nstages: {a: {vars: [b: '${x}'], cmd: x}}", {}),
    "stage-vars-broken": ("stages: {a: {vars: [b: '${x.}'], cmd: x}}", {}),
    "foreach-list": ("stages: {a: {foreach: [x, 1, 1.50, true, null, 1e-5, x], do: {cmd: 'r ${item}', outs: ['${item}.o']}}}", {}),
    "foreach-exact": ("stages: {a: {foreach: [1.50, true, null], do: {cmd: r, meta: '${item}'}}}", {}),
    "foreach-map": ("stages: {a: {foreach: {x: 1, 2: y, true: z, null: n, 1.5: f}, do: {cmd: 'r ${key} ${item}'}}}", {}),
    "foreach-nested": ("stages: {a: {foreach: [{a: 1}, {a: 2}, x], do: {cmd: r, meta: '${item.a}'}}}", {}),
    "foreach-lists": ("stages: {a: {foreach: [[1, 2], [3]], do: {cmd: 'r ${item[0]}'}}}", {}),
    "foreach-empty": ("stages: {a: {foreach: [], do: {cmd: r}}, b: {foreach: {}, do: {cmd: r}}}", {}),
    "foreach-context": ("vars: [l: [n, true, 2.50, null, 1e16], m: {x: {y: 1}, z: {y: 2}}]\n"
                        "stages: {a: {foreach: '${l}', do: {cmd: 'r ${item}'}}, b: {foreach: '${m}', do: {cmd: 'r ${key} ${item.y}'}}, c: {foreach: ['${l[1]}', 'a-${l[1]}'], do: {cmd: 'r ${item}'}}}", {}),
    "foreach-context-keys": ("stages: {a: {foreach: '${m}', do: {cmd: 'r ${key} ${item}'}}}", {"params.yaml": "m: {x: 1, 5: y, true: z}\n"}),
    "foreach-context-lists": ("vars: [l: [[1, 2], {a: b}]]\nstages: {a: {foreach: '${l}', do: {cmd: 'r ${key}'}}}", {}),
    "foreach-key-in-list": ("stages: {a: {foreach: [1], do: {cmd: 'r ${key}'}}}", {}),
    "foreach-text": ("stages: {a: {foreach: abc, do: {cmd: r}}}", {}),
    "foreach-number": ("vars: [n: 5]\nstages: {a: {foreach: '${n}', do: {cmd: r}}}", {}),
    "foreach-null": ("vars: [n: null]\nstages: {a: {foreach: '${n}', do: {cmd: r}}}", {}),
    "foreach-unknown": ("stages: {a: {foreach: '${n}', do: {cmd: r}}}", {}),
    "foreach-mixed": ("vars: [l: [1, 2], s: t]\nstages: {a: {foreach: ['${l}', '${s}'], do: {cmd: r, meta: '${item}'}}, b: {foreach: {p: '${l}', 'q${s}': 1}, do: {cmd: 'r ${key}'}}}", {}),
    "foreach-mixed-2": ("vars: [l: [1, 2], s: t]\nstages: {b: {foreach: {p: '${l}', 'q${s}': 1}, do: {cmd: 'r ${item[0]}'}}}", {}),
    "foreach-key-exact": ("vars: [s: t]\nstages: {b: {foreach: {'${s}': 1}, do: {cmd: r}}}", {}),
    "foreach-shadow": ("vars: [item: 9, key: 8]\nstages: {a: {foreach: [1], do: {cmd: 'r ${item} ${key}'}}, b: {foreach: {x: 1}, do: {cmd: 'r ${item} ${key}'}}, c: {cmd: '${item}'}}", {}),
    "foreach-shadow-map": ("vars: [item: {a: 1}]\nstages: {a: {foreach: [{b: 2}], do: {cmd: 'r ${item.b}'}}, c: {cmd: '${item.a}'}}", {}),
    "foreach-shadow-gone": ("vars: [item: {a: 1}]\nstages: {a: {foreach: [{b: 2}], do: {cmd: 'r ${item.a}'}}}", {}),
    "foreach-reserved": ("stages: {a: {foreach: [1], do: {vars: [item: 1], cmd: r}}}", {}),
    "foreach-reserved-both": ("stages: {a: {foreach: {x: 1}, do: {vars: [{key: 1, item: 1}], cmd: r}}}", {}),
    "foreach-reserved-file": ("stages: {a: {foreach: [1], do: {vars: ['p.yaml:item'], cmd: r}}}", {"p.yaml": "item: 1\n"}),
    "foreach-reserved-key": ("stages: {a: {foreach: [1], do: {vars: [key: 1], cmd: 'r ${key}'}}}", {}),
    "foreach-vars": ("vars: [a: {b: 1}]\nstages: {a: {foreach: [1, 2], do: {vars: [a: {c: 2}], cmd: 'r ${item} ${a.b} ${a.c}'}}}", {}),
    "foreach-vars-wdir": ("stages: {a: {foreach: [d1, d2], do: {wdir: '${item}', vars: [v.yaml], cmd: 'r ${v}'}}}", {"d1/v.yaml": "v: one\n", "d2/v.yaml": "v: two\n"}),
    "foreach-date": ("stages: {a: {foreach: [2020-01-01], do: {cmd: 'r'}}}", {}),
    "foreach-date-deep": ("stages: {a: {foreach: [{d: [2020-01-01]}], do: {cmd: 'r'}}}", {}),
    "foreach-missing-item": ("stages: {a: {foreach: [{a: 1}, {b: 1}], do: {cmd: 'r ${item.a}'}}}", {}),
    "foreach-index-form": ("stages: {a: {foreach: [{a: [1]}], do: {cmd: 'r ${item[a][1]}'}}}", {}),
    "foreach-at": ("stages: {a: {foreach: [x@y], do: {cmd: 'r'}}}", {}),
    "foreach-slash": ("stages: {a: {foreach: [x/y.z, 'p q', 'é:'], do: {cmd: 'r ${item}'}}}", {}),
    "matrix": ("stages: {a: {matrix: {x: [1, 2.50, true], y: [p q, null]}, cmd: 'r ${item.x} ${item.y} ${key}'}}", {}),
    "matrix-context": ("vars: [l: [true, 1.50, {a: 1}, [2]], d: {k1: 1, k2: 2}]\nstages: {a: {matrix: {x: '${l}', y: [z]}, cmd: r, meta: '${key}'}, b: {matrix: {x: '${d}'}, cmd: 'r ${item.x}'}}", {}),
    "matrix-nested": ("stages: {a: {matrix: {x: [{n: 1}, [2, 3], s]}, cmd: r}}", {}),
    "matrix-text": ("stages: {a: {matrix: {x: abc, y: 'q'}, cmd: 'r ${item.x}'}}", {}),
    "matrix-number": ("vars: [n: 5]\nstages: {a: {matrix: {x: '${n}'}, cmd: 'r'}}", {}),
    "matrix-string-context": ("vars: [n: abc]\nstages: {a: {matrix: {x: '${n}'}, cmd: 'r'}}", {}),
    "matrix-string-part": ("vars: [n: 5]\nstages: {a: {matrix: {x: 'a${n}'}, cmd: 'r ${item.x}'}}", {}),
    "matrix-empty": ("stages: {a: {matrix: {}, cmd: r}, b: {matrix: {x: []}, cmd: r}}", {}),
    "matrix-empty-list": ("stages: {b: {matrix: {x: [], y: [1]}, cmd: r}}", {}),
    "matrix-double": ("stages: {a: {matrix: {x: [1, '1', true]}, cmd: r, meta: '${item.x}'}}", {}),
    "matrix-shadow": ("vars: [item: 1, key: 2]\nstages: {a: {matrix: {x: [1]}, cmd: 'r ${item.x}'}}", {}),
    "matrix-unknown": ("stages: {a: {matrix: {x: ['${n}']}, cmd: r}}", {}),
    "matrix-reserved": ("stages: {a: {matrix: {x: [1]}, vars: [{item: 1, key: 2}], cmd: r}}", {}),
    "matrix-name": ("vars: [n: y]\nstages: {a: {matrix: {'x${n}': [1]}, cmd: 'r ${item.xy}'}}", {}),
    "matrix-vars": ("stages: {a: {matrix: {x: [1]}, vars: [z: 2], cmd: 'r ${item.x} ${z}'}}", {}),
    "at-name": ("stages: {a@b: {cmd: r}}", {}),
    "at-name-group": ("stages: {a: {foreach: [b], do: {cmd: r}}, a@b: {cmd: q}}", {}),
    "top-lists": ("vars: [v: x, l: [1], m: {a: 1}]\nmetrics: ['${v}.json', m]\nparams: ['${v}.yaml']\nplots: ['${v}', '${v}.csv': {x: '${v}', y: {a: '${v}'}}]\ndatasets: ['${m}', {name: '${v}', type: '${l}'}, 'p ${l}', 'q ${m}']\n"
                  "artifacts: {'a-${v}': {path: '${v}', desc: 'd ${v}', labels: ['${v}']}}\nstages: {}", {}),
    "top-unknown": ("metrics: ['x', '${v}.json']", {}),
    "top-broken": ("plots: ['x', '${v.}': null]", {}),
    "top-artifact-number": ("vars: [v: 1]\nartifacts: {'${v}': {path: x}}", {}),
    "top-artifact-unknown": ("artifacts: {a: {path: '${v}'}}", {}),
    "tracked": ("vars: [q.yaml, {loc: 1}]\nstages: {a: {cmd: '${lr} ${m.x} ${m.l[0]} ${m} ${q} ${loc}', wdir: '${w}'}, b: {foreach: '${names}', do: {cmd: 'r ${item}'}}, c: {cmd: 'plain'}}",
                {"params.yaml": "lr: 1\nm: {x: 2, l: [3]}\nnames: [u, v]\nw: .\n", "q.yaml": "q: {z: 1}\n"}),
    "sub": ("vars: [v.yaml, ../top.yaml]\nstages: {a: {cmd: '${v} ${t}', vars: [nope.yaml]}}", {"v.yaml": "v: 1\n", "../top.yaml": "t: 2\n"}, "sub", ""),
    "sub-clash": ("vars: [v.yaml, ../top.yaml]\nstages: {a: {cmd: x}}", {"v.yaml": "v: 1\n", "../top.yaml": "v: 2\n"}, "sub", ""),
    "sub-from-below": ("vars: [x: {y: 1}, d/v.yaml]\nstages: {a: {cmd: '${z}'}}", {"d/v.yaml": "x: 1\n"}, "", "d"),
    "sub-missing-from-side": ("stages: {a: {cmd: '${z}'}}", {"../b/keep": ""}, "a", "b"),
    "sub-params": ("stages: {a: {cmd: '${z}'}}", {"params.yaml": "z: 2020-01-01\n"}, "a", ""),
    "sub-tracked": ("stages: {a: {cmd: '${z}'}}", {"params.yaml": "z: 1\n"}, "a", ""),
    "absolute-var": ("vars: [@ROOT@/v.yaml]\nstages: {a: {cmd: '${v} ${w}'}}", {"v.yaml": "v: 1\n"}),
}

WORDS = ["a", "b", "lr", "m.x", "m.l[0]", "m.l[1]", "l[0]", "l[-1]", "l", "m", "n", "t", "f", "item", "item.x", "item.l", "key", "nope", "m.nope", "s", "a.", ""]


def scalar(rng):
    return rng.choice(["x", "it's", "a b", "", 1, -2, 0, 1.5, 1e-7, 1e16, True, False, None, "é", "true", "10"])


def tree(rng, depth=0):
    kind = rng.random()
    if depth > 2 or kind < 0.6:
        return scalar(rng)
    if kind < 0.8:
        return [tree(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice(["x", "l", "y", "z"]): tree(rng, depth + 1) for _ in range(rng.randrange(3))}


def text(rng):
    parts = []
    for _ in range(rng.randrange(1, 4)):
        parts.append(rng.choice(["run", "x ", " --o=", "\\${", "$", "{}"]) if rng.random() < 0.4 else "${" + rng.choice(WORDS) + "}")
    return "".join(parts)


def random_case(seed):
    rng = random.Random(seed)
    params = {"a": scalar(rng), "lr": scalar(rng), "n": None, "t": True, "f": 0.1, "l": [tree(rng) for _ in range(2)], "m": {"x": tree(rng), "l": [scalar(rng), scalar(rng)]}}
    extra = {rng.choice(["b", "s", "m", "a"]): tree(rng)}
    stages = {}
    for number in range(3):
        body = {"cmd": text(rng), "desc": text(rng), "meta": {text(rng): [text(rng), scalar(rng)]}, "deps": [text(rng) for _ in range(rng.randrange(2))]}
        if rng.random() < 0.2:
            body["vars"] = [{rng.choice(["b", "s", "m", "item", "key"]): tree(rng)}]
        kind = rng.random()
        if kind < 0.4:
            data = rng.choice(["${l}", "${m}", "${m.l}", [tree(rng), text(rng), scalar(rng)], {text(rng): tree(rng), "k": text(rng)}])
            stages[f"s{number}"] = {"foreach": data, "do": body}
        elif kind < 0.7:
            matrix = {name: rng.choice(["${l}", "${m.l}", [tree(rng), scalar(rng)], [text(rng)]]) for name in ("x", "y")[: rng.randrange(1, 3)]}
            stages[f"s{number}"] = {"matrix": matrix, **body}
        else:
            stages[f"s{number}"] = body
    return json.dumps({"vars": [extra], "stages": stages}), {"params.yaml": json.dumps(params)}


class Warnings(logging.Handler):
    """Keeps what DVC warns of."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def message(exc):
    return ANSI.sub("", str(exc))


def error(exc):
    if isinstance(exc, DvcException):
        return {"kind": type(exc).__name__, "message": message(exc)}
    return {"kind": "Unexpected", "message": message(exc)}


def write(root, base, files):
    for path, content in files.items():
        path = os.path.normpath(os.path.join(root, base, path))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)


def attempt(key, out, function):
    try:
        out[key] = function()
    except Exception as exc:  # noqa: BLE001
        out.setdefault("errors", {})[key] = error(exc)


def run(case):
    with tempfile.TemporaryDirectory() as root:
        root = os.path.realpath(root)
        Repo.init(root, no_scm=True).close()
        return run_in(root, case)


def run_in(root, case):
    """What DVC makes of the case in a repository that has no other files."""
    source, files, *where = case
    base, cwd = where or ("", "")
    write(root, base, {"dvc.yaml": source.replace("@ROOT@", root), **files})
    os.makedirs(os.path.join(root, cwd), exist_ok=True)
    os.chdir(os.path.join(root, cwd))
    warnings = Warnings()
    logging.getLogger("dvc").addHandler(warnings)
    try:
        out = resolve(root, base)
    finally:
        logging.getLogger("dvc").removeHandler(warnings)
        os.chdir("/")
    out["warnings"] = warnings.texts
    return json.loads(json.dumps(out).replace(json.dumps(root)[1:-1], "@ROOT@"))


def resolve(root, base):
    out = {}
    with Repo(root) as repo:
        from dvc.dvcfile import load_file

        file = load_file(repo, os.path.join(root, base, "dvc.yaml"))
        try:
            resolver = file.resolver
        except (YAMLSyntaxError, YAMLValidationError) as exc:
            return {"invalid": type(exc).__name__}
        except Exception as exc:  # noqa: BLE001
            return {"errors": {"vars": error(exc)}}
        out["context"] = repr(resolver.context.value)
        attempt("names", out, resolver.get_keys)
        stages = {}
        for name in out.get("names", []):
            resolver.context._track = False
            resolver.context._tracked_data.clear()
            try:
                resolved = resolver.resolve_one(name)[name]
                tracked = {k: dict(v) for k, v in resolver.tracked_vars.get(name, {}).items()}
                stages[name] = {"data": repr(resolved), "tracked": repr(tracked)}
            except Exception as exc:  # noqa: BLE001
                stages[name] = {"error": error(exc)}
        out["stages"] = stages
        for key in ("metrics", "plots", "params", "artifacts", "datasets"):
            attempt(key, out, lambda key=key: repr(getattr(resolver, f"resolve_{key}")()))
    return out


def main():
    assert dvc.__version__ == "3.67.1", dvc.__version__
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    cases = dict(CASES) if first == 0 else {}
    cases.update({f"random-{seed}": random_case(seed) for seed in range(first, first + seeds)})
    table = []
    for name, case in cases.items():
        source, files, *where = case
        base, cwd = where or ("", "")
        table.append({"name": name, "source": source, "files": files, "base": base, "cwd": cwd, "want": run(case)})
    default = pathlib.Path(__file__).parent.parent / "data" / "template_table.json"
    target = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else default
    target.write_text(json.dumps(table, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
