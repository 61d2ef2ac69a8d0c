"""Runs many commands of DVC from one start of Python, each in a process of its own.

Reads a JSON list of [directory, [argument, ...]] from standard input, writes a JSON list of
[exit code, standard output, standard error]. Most of the time of a short `dvc` goes into its imports.
"""

import json
import os
import sys
import tempfile

import dvc.cli
import dvc.commands.status
import dvc.repo.index  # noqa: F401

answers = []
for directory, arguments in json.load(sys.stdin):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            os.chdir(directory)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["dvc", *arguments]
            code = dvc.cli.main(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        answers.append([code, out.read().decode(), err.read().decode()])
json.dump(answers, sys.stdout)
