"""Real DVC, loaded once: answers each connection by a forked child that runs one dvc command.

Most of the time of a short dvc command goes into imports. The modules are learned from a first
command, run in a child, so that the process that forks has never run anything itself.

Folders are listed in the order of names. DVC takes the order of the file system, which two copies
of a folder need not share; as the program sorts, this is the order in which both can be compared.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile

import dvc.cli


class Listing:
    """What os.scandir gives, in the order of names."""

    def __init__(self, path=".", scandir=os.scandir):
        with scandir(path) as entries:
            self.entries = iter(sorted(entries, key=lambda entry: entry.name))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.entries = iter(())


def listdir(path=".", listdir=os.listdir):
    return sorted(listdir(path))


def run(request):
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    for number, path in ((1, request["out"]), (2, request["err"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["dvc", *request["args"]]
    try:
        return dvc.cli.main(request["args"]) or 0
    except SystemExit as end:
        return end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def learn():
    """Imports what a run and a look need."""
    with tempfile.TemporaryDirectory() as top:
        names = os.path.join(top, "names")
        os.mkdir(os.path.join(top, "w"))
        child = os.fork()
        if child == 0:
            work = os.path.join(top, "w")
            env = {**os.environ, "DVC_SITE_CACHE_DIR": os.path.join(top, "site"), "DVC_NO_ANALYTICS": "1", "HOME": top}
            os.system(f"git init -q {work}; echo a > {work}/a")
            with open(os.path.join(work, "dvc.yaml"), "w") as file:
                file.write("stages:\n  s:\n    cmd: cp a b\n    deps: [a]\n    outs: [b]\n")
            for args in (["init", "-q"], ["add", "-q", "c"], ["repro"], ["status", "--json"], ["commit", "-f"], ["checkout"], ["freeze", "s"]):
                if args[0] == "add":
                    os.system(f"echo c > {work}/c")
                run({"env": env, "cwd": work, "args": args, "out": os.path.join(top, "o"), "err": os.path.join(top, "e")})
            with open(names, "w") as file:
                json.dump(sorted(sys.modules), file)
            os._exit(0)
        os.waitpid(child, 0)
        with open(names) as file:
            for name in json.load(file):
                try:
                    __import__(name)
                except ImportError:
                    pass


def serve(place):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(16)
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    while True:
        # The end of the tests is the end of standard input.
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            with connection.makefile("rw") as stream:
                code = run(json.loads(stream.readline()))
                stream.write(f"{code}\n")
                stream.flush()
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    os.scandir, os.listdir = Listing, listdir
    learn()
    serve(sys.argv[1])
