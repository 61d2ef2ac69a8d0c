"""The project's own golden cases: small pipelines as people write them. See make_golden.py."""

CASES = []


def case(name, cmd="dvc repro", **more):
    CASES.append({"name": name, "cmd": cmd, **more})


# A little weather study: clean the readings, split them by town, count, and write a report.
WEATHER = """\
stages:
  clean:
    cmd: grep -v '^#' raw.csv > clean.csv
    deps:
    - raw.csv
    outs:
    - clean.csv
  north:
    cmd: grep north clean.csv > north.csv
    deps:
    - clean.csv
    outs:
    - north.csv
  south:
    cmd: grep south clean.csv > south.csv
    deps:
    - clean.csv
    outs:
    - south.csv
  report:
    cmd: wc -l north.csv south.csv > report.txt
    deps:
    - north.csv
    - south.csv
    outs:
    - report.txt
"""
RAW = "# town,degrees\nnorth,3\nsouth,19\nnorth,4\n"
weather = {"dvc.yaml": WEATHER, "raw.csv": RAW}
DONE = "dvc repro -q\ngit add -A\ngit commit -qm done\n"

case("diamond-first-run", files=weather)
case("diamond-unchanged", files=weather, setup=DONE)
case("diamond-one-branch-changes", files=weather, setup=DONE + "echo south,22 >> raw.csv\n")
case("diamond-comment-only-cuts-off", files=weather, setup=DONE + "echo '# measured in May' >> raw.csv\n")
case("diamond-back-to-an-old-state", files=weather, setup=DONE + "cp raw.csv old\necho north,9 >> raw.csv\ndvc repro -q\nmv old raw.csv\n")
case("diamond-middle-out-deleted", files=weather, setup=DONE + "rm north.csv\n")
case("diamond-outs-overwritten-by-hand", files=weather, setup=DONE + "echo wrong > north.csv\necho wrong > report.txt\n")
case("diamond-fresh-clone", files=weather, setup=DONE + "rm -rf clean.csv north.csv south.csv report.txt .dvc/tmp\n")
case("diamond-two-cmds-change", files=weather, setup=DONE + "sed -i 's/grep north/grep -h north/; s/wc -l/wc -w/' dvc.yaml\n")
case("diamond-stage-appended", files=weather, setup=DONE + "printf '  tail:\\n    cmd: tail -n 1 report.txt > last.txt\\n    deps: [report.txt]\\n    outs: [last.txt]\\n' >> dvc.yaml\n")
case("diamond-stage-inserted-first", files=weather, setup=DONE + "sed -i 's/^stages:/&\\n  about:\\n    cmd: echo weather > about.txt\\n    outs: [about.txt]/' dvc.yaml\n")
case("diamond-lock-entry-lost", files=weather, setup=DONE + "sed -i '/^  north:/,/^  south:/{/^  south:/!d}' dvc.lock\n")
case("select-one-branch", "dvc repro north", files=weather)
case("select-two-targets-reversed", "dvc repro south north", files=weather)
case("select-pipeline-of-a-member", "dvc repro -p north", files=weather)
case("select-single-without-upstream", "dvc repro -s report north", files=weather, setup=DONE + "echo south,1 >> clean.csv\necho north,1 >> clean.csv\n")
case("select-downstream-of-two", "dvc repro --downstream north south", files=weather, setup=DONE + "echo x,1 >> north.csv\n")
case("select-glob", "dvc repro --glob '*or*h'", files=weather)
case("force-one-target", "dvc repro -f north", files=weather, setup=DONE)
case("force-single-keeps-others", "dvc repro -f -s north", files=weather, setup=DONE)
case("force-downstream-of-cut-off", "dvc repro --force-downstream report", files=weather, setup=DONE + "echo '# late remark' >> raw.csv\n")
case("no-run-cache-after-lost-lock", "dvc repro --no-run-cache", files=weather, setup=DONE + "rm dvc.lock\n")
case("no-commit-then-nothing-cached", "dvc repro --no-commit north", files=weather)
case("no-commit-twice", "dvc repro --no-commit", files=weather, setup="dvc repro -q --no-commit\n")
case("quiet-says-nothing", "dvc repro -q", files=weather)
case("failure-in-the-last-stage", files={**weather, "dvc.yaml": WEATHER.replace("wc -l north.csv", "wc -l nowhere.csv")}, setup="dvc repro -q south north\n")
case("failure-mended", files=weather, setup="sed -i 's/wc -l north/wc -l nowhere/' dvc.yaml\ndvc repro -q || true\ngit checkout -q dvc.yaml\n")
case("keep-going-past-a-failure", "dvc repro -k", files={**weather, "dvc.yaml": WEATHER.replace("grep north", "grep east")}, setup="git add -A\n")
case("command-not-found", files={"dvc.yaml": "stages:\n  only:\n    cmd: no-such-program-at-all --flag\n    outs: [o]\n"})
case("out-in-a-missing-folder", files={"dvc.yaml": "stages:\n  only:\n    cmd: mkdir -p made/deep && date -u -d @0 +%Y > made/deep/year\n    outs: [made/deep/year]\n"})

WIDE = "stages:\n" + "".join(
    f"  w{n}:\n    cmd: echo {n} of eight > w{n}.txt\n    outs:\n    - w{n}.txt\n" for n in (5, 2, 8, 1, 7, 3, 6, 4)
) + "  sum:\n    cmd: cat w?.txt > all.txt\n    deps: [w1.txt, w2.txt, w3.txt, w4.txt, w5.txt, w6.txt, w7.txt, w8.txt]\n    outs: [all.txt]\n"
case("wide-then-one", files={"dvc.yaml": WIDE})
case("wide-half-there", files={"dvc.yaml": WIDE}, setup="dvc repro -q w3 w8 w1 w5 w2\n")

case("foreach-list-over-params", files={
    "params.yaml": "towns: [oslo, rome, 'são paulo']\nscale: 2.5\n",
    "dvc.yaml": """\
stages:
  fetch:
    foreach: ${towns}
    do:
      cmd: echo "${item} ${scale}" > "${item}.txt"
      params: [scale]
      outs:
      - ${item}.txt
  join:
    cmd: cat oslo.txt rome.txt > both.txt
    deps: [oslo.txt, rome.txt]
    outs: [both.txt]
"""})
case("foreach-map-one-value-changes", files={
    "dvc.yaml": """\
vars:
- shops.yaml
stages:
  bill:
    foreach: ${shops}
    do:
      cmd: echo ${key} owes ${item.owes} > bills/${key}
      wdir: .
      outs: ['bills/${key}']
""", "shops.yaml": "shops:\n  baker: {owes: 3}\n  smith: {owes: 4.50}\n", "bills/.gitkeep": ""},
    setup=DONE + "sed -i 's/4.50/5/' shops.yaml\n")
case("matrix-of-two", "dvc repro grid", files={"dvc.yaml": """\
stages:
  grid:
    matrix:
      model: [linear, tree]
      seed: [1, 2]
    cmd: echo ${item.model} ${item.seed} > ${item.model}-${item.seed}.txt
    outs:
    - ${item.model}-${item.seed}.txt
  best:
    cmd: sort linear-1.txt tree-2.txt > best.txt
    deps: [linear-1.txt, tree-2.txt]
    outs: [best.txt]
"""})
case("params-of-three-kinds", files={
    "params.yaml": "train:\n  rate: 0.001\n  layers: [64, 32]\n  name: first try\nseed: 7\nunused: true\n",
    "setup.json": '{"host": {"port": 8080, "tls": false}, "x": null}\n',
    "limits.toml": "[memory]\nhigh = 1_000\nnote = \"a: b\"\n",
    "dvc.yaml": """\
stages:
  train:
    cmd: cat params.yaml setup.json limits.toml | wc -c > size.txt
    params:
    - train
    - seed
    - setup.json:
      - host.port
      - host.tls
      - x
    - limits.toml:
      - memory.high
      - memory.note
    outs: [size.txt]
"""})
case("params-nested-value-changes", files={
    "params.yaml": "train: {rate: 0.1, steps: 3}\nother: 1\n",
    "dvc.yaml": "stages:\n  a:\n    cmd: grep rate params.yaml > a.txt\n    params: [train.rate]\n    outs: [a.txt]\n  b:\n    cmd: grep other params.yaml > b.txt\n    params: [other]\n    outs: [b.txt]\n"},
    setup=DONE + "sed -i 's/0.1/0.2/' params.yaml\n")
case("metrics-and-plots", files={"in.csv": "x,y\n1,2\n", "dvc.yaml": """\
stages:
  score:
    cmd: cp in.csv curve.csv && cp in.csv roc.csv && echo '{"acc":0.5}' > acc.json && echo 1 > model.bin
    deps: [in.csv]
    outs: [model.bin]
    metrics:
    - acc.json:
        cache: false
    plots:
    - curve.csv:
        x: x
        y: y
    - roc.csv:
        cache: false
metrics:
- acc.json
plots:
- curve.csv
"""}, setup=DONE + "echo 3,4 >> in.csv\n")
case("wdir-with-outs-above", files={
    "jobs/.gitkeep": "", "data/in.txt": "seven words stand in this one line\n",
    "dvc.yaml": "stages:\n  count:\n    wdir: jobs\n    cmd: wc -w < ../data/in.txt > ../data/words && cp ../data/words here\n    deps: [../data/in.txt]\n    outs: [../data/words, here]\n"})
case("two-files-across-folders", "dvc repro -P", files={
    "dvc.yaml": "stages:\n  use:\n    cmd: cat lib/made.txt > used.txt\n    deps: [lib/made.txt]\n    outs: [used.txt]\n",
    "lib/dvc.yaml": "stages:\n  make:\n    cmd: tr a-m n-z < src.txt > made.txt\n    deps: [src.txt]\n    outs: [made.txt]\n", "lib/src.txt": "abc\n"})
case("from-a-folder-below", "cd lib && dvc repro", files={
    "dvc.yaml": "stages:\n  make:\n    cmd: echo made > made.txt\n    outs: [made.txt]\n",
    "lib/dvc.yaml": "stages:\n  use:\n    cmd: cat ../made.txt > used.txt\n    deps: [../made.txt]\n    outs: [used.txt]\n"})
case("stage-of-another-file", "dvc repro lib/dvc.yaml:make", files={
    "dvc.yaml": "stages:\n  use:\n    cmd: cat lib/made.txt > used.txt\n    deps: [lib/made.txt]\n    outs: [used.txt]\n",
    "lib/dvc.yaml": "stages:\n  make:\n    cmd: echo made > made.txt\n    outs: [made.txt]\n"})
case("recursive-folder", "dvc repro -R parts", files={
    "dvc.yaml": "stages:\n  not-this:\n    cmd: echo no > no.txt\n    outs: [no.txt]\n",
    "parts/dvc.yaml": "stages:\n  p:\n    cmd: echo p > p.txt\n    outs: [p.txt]\n"})

SPLIT = """\
stages:
  split:
    cmd: mkdir -p parts/odd && for n in 1 2 3 4; do echo $n > parts/$n.txt; done && cp seed.txt parts/odd/ && touch parts/none
    deps: [seed.txt]
    outs:
    - parts
  odd:
    cmd: cat parts/odd/seed.txt parts/1.txt > odd.txt
    deps:
    - parts/odd
    - parts/1.txt
    outs: [odd.txt]
  all:
    cmd: find parts -type f | sort > all.txt
    deps: [parts]
    outs: [all.txt]
"""
case("folder-out-and-deps-inside", files={"dvc.yaml": SPLIT, "seed.txt": "s\n"})
case("folder-out-file-inside-deleted", files={"dvc.yaml": SPLIT, "seed.txt": "s\n"}, setup=DONE + "rm parts/3.txt\n")
case("folder-out-stray-file-added", files={"dvc.yaml": SPLIT, "seed.txt": "s\n"}, setup=DONE + "echo stray > parts/stray\n")
case("folder-out-restored-from-run-cache", files={"dvc.yaml": SPLIT, "seed.txt": "s\n"}, setup=DONE + "echo t > seed.txt\ndvc repro -q\necho s > seed.txt\n")
case("folder-dep-of-sources", files={"src/a.py": "a\n", "src/pkg/b.py": "b\n", "dvc.yaml": "stages:\n  lint:\n    cmd: cat src/*.py > lint.txt\n    deps: [src]\n    outs: [lint.txt]\n"},
     setup=DONE + "echo c > src/pkg/c.py\n")
case("frozen-in-the-middle", files={**weather, "dvc.yaml": WEATHER}, setup=DONE + "sed -i 's/^  north:/&\\n    frozen: true/' dvc.yaml\necho north,8 >> raw.csv\n")
case("persist-log-grows", files={"in.txt": "1\n", "dvc.yaml": "stages:\n  log:\n    cmd: cat in.txt >> log.txt\n    deps: [in.txt]\n    outs:\n    - log.txt:\n        persist: true\n  use:\n    cmd: wc -l < log.txt > n.txt\n    deps: [log.txt]\n    outs: [n.txt]\n"},
     setup=DONE + "echo 2 > in.txt\n")
case("uncached-out-feeds-a-stage", files={"in.txt": "1\n", "dvc.yaml": "stages:\n  a:\n    cmd: cp in.txt a.txt\n    deps: [in.txt]\n    outs:\n    - a.txt:\n        cache: false\n  b:\n    cmd: cp a.txt b.txt\n    deps: [a.txt]\n    outs: [b.txt]\n"},
     setup="dvc repro -q\ngit add -A\ngit commit -qm done\necho 2 > in.txt\n")
case("always-changed-upstream", files={"dvc.yaml": "stages:\n  ask:\n    cmd: echo same > answer.txt\n    always_changed: true\n    outs: [answer.txt]\n  use:\n    cmd: cp answer.txt used.txt\n    deps: [answer.txt]\n    outs: [used.txt]\n"},
     setup=DONE)
case("gitignore-lines-already-there", files={**weather, ".gitignore": "*.csv\n!raw.csv\n# end without newline"})
case("gitignore-in-sub-folders", files={"a/b/.gitkeep": "", "dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > a/one; echo 2 > a/b/two; echo 3 > a/b/three\n    outs: [a/one, a/b/two, a/b/three]\n"},
     setup="echo '/two' > a/b/.gitignore\n")
case("unicode-and-blanks-in-names", files={"Daten/Übung 1.txt": "ä\n", "dvc.yaml": """\
stages:
  größe:
    cmd: wc -c < 'Daten/Übung 1.txt' > 'Daten/Größe.txt'; echo 日本 > 東京
    deps:
    - Daten/Übung 1.txt
    outs:
    - Daten/Größe.txt
    - 東京
"""}, setup=DONE + "echo ö >> 'Daten/Übung 1.txt'\n")
case("added-file-as-dep", files={"big.bin": "big\n", "dvc.yaml": "stages:\n  use:\n    cmd: cp big.bin copy.bin\n    deps: [big.bin]\n    outs: [copy.bin]\n"},
     setup="git rm -q --cached big.bin\ndvc add -q big.bin\ngit add -A\ngit commit -qm added\n")
case("added-folder-changed", "dvc repro -P", files={"pics/1": "1\n", "pics/sub/2": "2\n", "dvc.yaml": "stages:\n  use:\n    cmd: ls pics > list.txt\n    deps: [pics]\n    outs: [list.txt]\n"},
     setup="git rm -rq --cached pics\ndvc add -q pics\ndvc repro -q\ngit add -A\ngit commit -qm added\necho 3 > pics/3\n")
case("cmd-list-and-block", files={"dvc.yaml": """\
stages:
  list:
    cmd:
    - echo one > one.txt
    - |
      echo two > two.txt
      echo more >> two.txt
    outs: [one.txt, two.txt]
  block:
    cmd: |
      cat one.txt > three.txt
      cat two.txt >> three.txt
    deps: [one.txt, two.txt]
    outs: [three.txt]
"""})
case("stage-prints-on-both-streams", files={"dvc.yaml": "stages:\n  talk:\n    cmd: echo to out; echo to err >&2; echo x > x.txt\n    outs: [x.txt]\n"})
case("vars-and-stage-vars", files={"params.yaml": "lr: 1.0e-4\n", "conf/model.yaml": "model:\n  name: cnn\n  opts: {depth: 3, bias: true}\n", "dvc.yaml": """\
vars:
- conf/model.yaml
- out: res
stages:
  go:
    vars:
    - tag: v1
    cmd: echo ${model.name} ${model.opts} ${lr} \\${HOME:+home} > ${out}-${tag}.txt
    params:
    - lr
    - conf/model.yaml:
      - model.opts
    outs:
    - ${out}-${tag}.txt
"""})
case("no-git-at-all", scm="none", files=weather)
case("project-in-a-folder-of-git", scm="git-sub", files=weather, setup="dvc repro -q north\ngit add -A\ngit commit -qm half\n")
case("autostage-on", files=weather, setup="dvc config core.autostage true\ngit commit -qam auto\n")
case("empty-lock-map-and-comment", files={**weather, "dvc.lock": "# kept\nschema: '2.0'\nstages: {}\n"})
case("lock-entry-of-a-removed-stage", files=weather, setup=DONE + "sed -i '/^  report:/,$d' dvc.yaml\necho north,1 >> raw.csv\n")
