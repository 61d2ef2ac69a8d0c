"""How far each value is from the mean of its country, and how far in standard deviations.

    python relative_metrics.py IN.csv OUT.csv     one file
    python relative_metrics.py                    as a worker of `dvc-paraffin map --persistent`
    python relative_metrics.py --make IN.csv      makes data to try it with: 60,000 rows of 200 countries
"""

import json
import random
import sys

COLUMNS = ["population", "income", "age", "rainfall"]


def relative_metrics(frame):
    """The frame with two columns more for each of COLUMNS. Countries do not know of each other."""
    result = frame.copy()
    for country in frame["country"].unique():
        rows = frame["country"] == country
        for column in COLUMNS:
            values = frame.loc[rows, column]
            result.loc[rows, f"{column}_diff"] = values - values.mean()
            result.loc[rows, f"{column}_score"] = (values - values.mean()) / values.std()
    return result


def one_file(source, target):
    import pandas

    frame = pandas.read_csv(source)
    relative_metrics(frame).to_csv(target, index=False)


def work():
    import pandas  # noqa: F401, once for all that is asked

    for line in sys.stdin:
        asked = json.loads(line)
        answer = {"index": asked["index"], "ok": True}
        try:
            one_file(asked["in"], asked["out"])
        except Exception as error:
            answer.update(ok=False, error=f"{type(error).__name__}: {error}")
        print(json.dumps(answer), flush=True)


def make(target, rows=60_000, countries=200):
    chance = random.Random(1)
    with open(target, "w", encoding="ascii") as file:
        print("country", *COLUMNS, sep=",", file=file)
        for _ in range(rows):
            values = (repr(chance.gauss(100, 15)) for _ in COLUMNS)
            print(f"country{chance.randrange(countries)}", *values, sep=",", file=file)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--make", target]:
            make(target)
        case [source, target]:
            one_file(source, target)
        case []:
            work()
        case _:
            sys.exit(__doc__)
