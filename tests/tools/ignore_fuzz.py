"""Random trees with .dvcignore files, and what DVC's own filter says of paths in them.

    python ignore_fuzz.py decisions COUNT SEED

Each line is a case in JSON: `dirs` (folders to make), `ignores` (folder -> bytes of its
.dvcignore), `asked` (path, whether as a folder, whether repositories inside count, the rule
that ignores it or null, or "error" where DVC fails) and `seen` (the files that DVC's walk gives,
null where it fails). Runs with the Python of real DVC.
"""

import json
import os
import random
import sys
import tempfile

from dvc.fs import localfs
from dvc.ignore import DvcIgnoreFilter

NAMES = ["a", "b", "ab", "a.x", "c d", "é", "B", ".h", "a-b", "[a]", "!a", "#a", "a\\b", "-", "]", "日", "a ", "{a}", "(a)", "a+b", "^a", "$"]
PLAIN = ["a", "b", "ab", "a.x", "B", "é"]
PARTS = PLAIN + ["*", "**", "?", "a*", "*.x", "*b", "??", "***", "a**", "[ab]", "[!a]", "[^a]", "[a-c]", "[c-a]", "[]a]", "[!]a]", "[a",
                 "[a-]", "[-a]", "[\\]a]", "[[]", "[a]]", "[[:alpha:]]", "[é-日]", "[!", "[]", "[^]", "\\a", "\\*", "\\[a\\]", "\\!a", "\\#a",
                 "a\\", "\\\\", "a\\\\b", "\\ ", "a\\ ", "c d", ".h", "{a}", "(a)", "a+b", "^a", "$", "a|b", "!a", "#a", "日", ".", "..", "~", "a.", "[a/b]", ""]


def line(rng):
    """One line of a .dvcignore, without its end."""
    roll = rng.random()
    if roll < 0.03:
        return rng.choice(["", " ", "/", "//", "!", "!/", "#", "# a", " # a", "\\", "**", "**/", "/**", "**/**", "*/", "/*", "**/*", "*/**", "!**", "!*"])
    parts = [rng.choice(PLAIN if rng.random() < 0.5 else PARTS) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]))]
    text = "/".join(parts)
    text = rng.choice(["", "", "", "/", "/", "**/"]) + text + rng.choice(["", "", "", "/", "/", "/*", "/**"])
    text = rng.choice(["", "", "", "", "!", "!", "!!"]) + text
    return rng.choice(["", "", "", "", "", " ", "\t"]) + text + rng.choice(["", "", "", "", "", " ", "\t", "\\ ", "\u00a0"])


def content(rng):
    lines = [line(rng) for _ in range(rng.randint(1, 6))]
    end = rng.choice(["\n", "\n", "\n", "\n", "\r\n", "\r", "\x0b", "\u2028"])
    data = (end.join(lines) + rng.choice(["", end])).encode()
    if rng.random() < 0.03:
        data = b"\xef\xbb\xbf" + data
    if rng.random() < 0.01:
        data += b"\xff"
    return data


def some_path(rng, depth):
    return "/".join(rng.choice(NAMES if rng.random() < 0.4 else PLAIN) for _ in range(depth))


def tree(rng):
    """Folders, .dvcignore files, files."""
    dirs = {some_path(rng, rng.randint(1, 3)) for _ in range(rng.randint(2, 6))}
    places = [""] if rng.random() < 0.85 else []
    places += [rng.choice(sorted(dirs)) for _ in range(rng.randint(0, 2))]
    places += [place.rsplit("/", 1)[0] for place in places if "/" in place and rng.random() < 0.3]
    ignores = {place: content(rng) for place in places}
    if rng.random() < 0.2:
        dirs.add(rng.choice(sorted(dirs)) + "/.dvc")
    files = {rng.choice(["", *sorted(dirs)]) + "/" + rng.choice(NAMES) + "f" for _ in range(12)}
    return sorted(dirs), ignores, sorted(file.lstrip("/") for file in files)


def rule(filter_, root, path, is_dir, sub_repos):
    dirname, basename = os.path.split(os.path.join(root, path))
    try:
        patterns = filter_._get_trie_pattern(dirname, None, sub_repos)
        ignored, infos = patterns.matches(dirname, basename, is_dir, details=True)
    except Exception:  # noqa: BLE001 - whatever DVC fails with
        return "error"
    return f"{infos[-1].file_info or ':' + infos[-1].patterns}" if ignored else None


def case(seed, root):
    rng = random.Random(seed)
    dirs, ignores, files = tree(rng)
    for name in dirs:
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for place, data in ignores.items():
        with open(os.path.join(root, place, ".dvcignore"), "wb") as file:
            file.write(data)
    for name in files:
        with open(os.path.join(root, name), "wb"):
            pass
    questions = []
    for _ in range(40):
        path = rng.choice([*dirs, *files]) if rng.random() < 0.5 else some_path(rng, rng.randint(1, 4))
        if rng.random() < 0.3:
            path = f"{rng.choice(dirs)}/{path}"
        questions.append((path, rng.random() < 0.5, rng.random() < 0.5))
    try:
        filter_ = DvcIgnoreFilter(localfs, root)
    except Exception:  # noqa: BLE001
        filter_ = None
    asked = [[*question, rule(filter_, root, *question) if filter_ else "error"] for question in questions]
    try:
        seen = sorted(os.path.relpath(path, root) for path in DvcIgnoreFilter(localfs, root).find(localfs, root))
    except Exception:  # noqa: BLE001
        seen = None
    return {
        "seed": seed, "dirs": dirs, "files": files, "asked": asked, "seen": seen,
        "ignores": [[place, list(data)] for place, data in ignores.items()],
    }


def main():
    count, first = int(sys.argv[2]), int(sys.argv[3])
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as root:
            print(json.dumps(case(seed, os.path.realpath(root))))


main()
