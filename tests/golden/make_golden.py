#!/usr/bin/env python3
"""Makes tests/golden/golden-cases.tar.xz from cases.py with real DVC. Never edit the archive by hand.

  make_golden.py --dvc PATH             make all cases anew and write the archive
  make_golden.py --dvc PATH --check     make all cases anew and compare them with the archive

Only dvc 3.67.1 is accepted: it is what the program must be taken for. A case is a repository with
some history (`files`, then the shell lines of `setup`) and one command line. Each case becomes a
folder NN-name:

  before/            the work tree just before the command (with .dvc/config and .dvc/cache)
  before-modes.txt   modes of files in before/ that are not 0644, and links
  setup, scm, cmd    how before/ came about (for readers); "git", "git-sub" or "none"; the command
  tracked.txt        what git knew before the command
  after/             stdout, stderr, exit; ws/ (the work tree without the cache); modes.txt;
                     cache.txt (mode, kind, size, path of all that is in the cache);
                     runs.txt (texts of the run-cache); staged.txt; dvc-status.txt

`@ROOT@` stands for the path of the work tree, `@TMPTOP@` for the folder around it. An empty folder
holds `.keep-empty-dir`. The file `made-by` names the version of DVC. All cases are replayed by the
Rust tests (tests/it/golden).
"""
import argparse
import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHIVE = os.path.join(HERE, "golden-cases.tar.xz")
VERSION = "3.67.1"


def shell(line, cwd, env, must_work=True):
    done = subprocess.run(["/bin/sh", "-c", line], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    if must_work and done.returncode:
        sys.exit(f"this failed with {done.returncode}: {line}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done


def paths_below(root, skip=()):
    """Relative paths of all there is, sorted; no .git folders, nothing that is skipped."""
    found = []
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if name != ".git" and os.path.normpath(os.path.join(here, name)) not in skip]
        found += [os.path.normpath(os.path.join(here, name)) for name in folders + files]
    return sorted(found)


def store(root, target, skip):
    os.makedirs(target)
    for path in paths_below(root, skip):
        source, copy = os.path.join(root, path), os.path.join(target, path)
        if os.path.islink(source):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            os.symlink(os.readlink(source).replace(root, "@ROOT@"), copy)
        elif os.path.isdir(source):
            os.makedirs(copy, exist_ok=True)
            if not os.listdir(source):
                open(os.path.join(copy, ".keep-empty-dir"), "w").close()
        else:
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(source, "rb") as old, open(copy, "wb") as new:
                new.write(old.read().replace(root.encode(), b"@ROOT@"))


def list_modes(root, skip):
    lines = []
    for path in paths_below(root, skip):
        at = os.path.join(root, path)
        info = os.lstat(at)
        if stat.S_ISLNK(info.st_mode):
            lines.append(f"link {path} -> {os.readlink(at).replace(root, '@ROOT@')}")
        elif stat.S_ISREG(info.st_mode):
            mode, linked = stat.S_IMODE(info.st_mode), " nlink>1" if info.st_nlink > 1 else ""
            if mode != 0o644 or linked:
                lines.append(f"{mode:04o} {path}{linked}")
    return "".join(line + "\n" for line in lines)


def list_cache(base):
    lines = []
    for path in paths_below(base) if os.path.isdir(base) else []:
        at = os.path.join(base, path)
        mode = stat.S_IMODE(os.lstat(at).st_mode)
        if os.path.isdir(at):
            lines.append(f"{mode:04o} d - {path}")
            continue
        with open(at, "rb") as file:
            content = file.read()
        verdict = ""
        if not path.startswith("runs/"):
            name = "".join(path.split("/")[-2:]).removesuffix(".dir")
            verdict = " ok" if hashlib.md5(content).hexdigest() == name else " CORRUPT"
        lines.append(f"{mode:04o} f {len(content)} {path}{verdict}")
    return "".join(line + "\n" for line in lines)


def list_runs(base):
    text = ""
    for path in paths_below(base) if os.path.isdir(base) else []:
        if os.path.isfile(os.path.join(base, path)):
            with open(os.path.join(base, path), encoding="utf-8") as file:
                text += f"=== {path}\n{file.read()}"
    return text


def same_each_time(output, root, top):
    """Takes out what is random: places, names of temporary files, the order behind `git add`."""
    text = output.replace(root.encode(), b"@ROOT@").replace(top.encode(), b"@TMPTOP@")
    text = re.sub(rb"\.[A-Za-z0-9_-]{22}\.tmp", b".@TMP@.tmp", text)
    return re.sub(rb"(?m)^\tgit add (.*)$", lambda hit: b"\tgit add " + b" ".join(sorted(hit[1].split(b" "))), text)


def write(path, content):
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def make(case, number, out, dvc):
    target = os.path.join(out, f"{number:02d}-{case['name']}")
    os.makedirs(target + "/after")
    # The length of the path matters where a path is wrapped in dvc.lock: the Rust tests use the same.
    top = tempfile.mkdtemp(prefix="dvcg-", dir="/tmp")
    try:
        scm, work = case.get("scm", "git"), os.path.join(top, "w")
        root = os.path.join(work, "proj") if scm == "git-sub" else work
        os.makedirs(root)
        os.makedirs(top + "/home")
        env = {
            "PATH": os.path.dirname(dvc) + ":/usr/local/bin:/usr/bin:/bin", "HOME": top + "/home", "LANG": "C.UTF-8", "SHELL": "/bin/sh",
            "CI": "1", "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": top + "/site", "DVC_GLOBAL_CONFIG_DIR": top + "/g",
            "DVC_SYSTEM_CONFIG_DIR": top + "/s", "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@e", "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@e", "GIT_CONFIG_NOSYSTEM": "1",
        }
        git = "git -c core.quotepath=off"
        if scm != "none":
            shell("git init -q -b main .", work, env)
        shell("dvc init -q " + {"git": "", "git-sub": "--subdir", "none": "--no-scm"}[scm], root, env)
        for path, content in case.get("files", {}).items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            write(os.path.join(root, path), content)
        if scm != "none":
            shell("git add -A . && git commit -q -m base", work, env)
        setup = case.get("setup", "")
        shell("set -e\n" + setup, root, env)
        skip = {".dvc/tmp"}
        store(root, target + "/before", skip)
        write(target + "/before-modes.txt", list_modes(root, skip))
        write(target + "/setup", setup)
        write(target + "/scm", scm + "\n")
        write(target + "/cmd", case["cmd"] + "\n")
        if scm != "none":
            write(target + "/tracked.txt", shell(git + " ls-files .", root, env).stdout)
        ran = shell(case["cmd"], root, env, must_work=False)
        after = target + "/after/"
        write(after + "stdout", same_each_time(ran.stdout, root, top))
        write(after + "stderr", same_each_time(ran.stderr, root, top))
        write(after + "exit", f"{ran.returncode}\n")
        cache = os.path.join(root, ".dvc/cache")
        write(after + "cache.txt", list_cache(cache))
        write(after + "runs.txt", list_runs(cache + "/runs"))
        skip.add(".dvc/cache")
        write(after + "modes.txt", list_modes(root, skip))
        store(root, after + "ws", skip)
        if scm != "none":
            write(after + "staged.txt", shell(git + " diff --cached --name-only .", root, env).stdout)
        status = shell("dvc status", root, env, must_work=False)
        said = same_each_time(status.stdout + status.stderr, root, top)
        write(after + "dvc-status.txt", said + b"exit %d\n" % status.returncode)
        return f"{number:02d}-{case['name']:34s} exit {ran.returncode}"
    finally:
        subprocess.run(["chmod", "-R", "u+w", top])
        shutil.rmtree(top)


def pack(folder, archive):
    """The same folder always gives the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in ["."] + paths_below(folder):
            entry = tar.gettarinfo(os.path.join(folder, path), arcname=path)
            entry.mtime = entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if entry.isreg():
                entry.mode, entry.type, entry.linkname = 0o644, tarfile.REGTYPE, ""
                entry.size = os.path.getsize(os.path.join(folder, path))
                with open(os.path.join(folder, path), "rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry)
    import lzma

    write(archive, lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dvc", default=shutil.which("dvc"), required=not shutil.which("dvc"))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    dvc = os.path.abspath(args.dvc)
    version = subprocess.run([dvc, "--version"], capture_output=True, text=True).stdout.strip()
    if version != VERSION:
        sys.exit(f"{dvc} is version {version}; the cases are made by {VERSION}")
    os.umask(0o022)
    sys.path.insert(0, HERE)
    from cases import CASES

    assert len({case["name"] for case in CASES}) == len(CASES), "two cases have one name"
    made, there = tempfile.mkdtemp(), tempfile.mkdtemp()
    try:
        write(made + "/made-by", f"dvc {VERSION}\n")
        with ThreadPoolExecutor(2) as pool:
            for line in pool.map(lambda pair: make(pair[1], pair[0], made, dvc), enumerate(CASES, 1)):
                print(line, flush=True)
        if not args.check:
            pack(made, ARCHIVE)
            print(f"{len(CASES)} cases, {os.path.getsize(ARCHIVE)} bytes")
            return
        with tarfile.open(ARCHIVE) as tar:
            tar.extractall(there)
        sys.exit(subprocess.run(["diff", "-r", "--no-dereference", there, made]).returncode)
    finally:
        shutil.rmtree(made)
        shutil.rmtree(there)


if __name__ == "__main__":
    main()
