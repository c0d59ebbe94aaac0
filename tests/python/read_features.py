"""Reads larder's Parquet files with pyarrow, polars and DuckDB, and prints what each saw as one JSON document.

    python read_features.py FEATURES_F32 FEATURES_F16 TOKENS PREDICTIONS

Of each vector column: rows, width, the sum in float64, and the first and last vector. No shared conversion: each
library's own values are taken, so that a wrong reading of the encoding shows.
"""

import json
import sys

import duckdb
import polars
import pyarrow.parquet


def with_pyarrow(path):
    return pyarrow.parquet.read_table(path).to_pydict()


def with_polars(path):
    return {name: [unseries(v) for v in column] for name, column in polars.read_parquet(path).to_dict().items()}


def unseries(value):
    return value.to_list() if isinstance(value, polars.Series) else value


def with_duckdb(path):
    relation = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [path])
    names = [column[0] for column in relation.description]
    rows = relation.fetchall()
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def plain(value):
    """Numbers and texts as JSON has them; NumPy's and Python's scalars alike."""
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return value.item() if hasattr(value, "item") else value


def summary(columns):
    told = {}
    for name, values in columns.items():
        values = plain(values)
        one = {"rows": len(values), "first": values[0], "last": values[-1]}
        if isinstance(values[0], list) and values[0] and isinstance(values[0][0], (int, float)):
            one["sum"] = float(sum(float(x) for vector in values for x in vector))
            one["lengths"] = sum(len(vector) for vector in values)
        told[name] = one
    return told


READERS = {"pyarrow": with_pyarrow, "polars": with_polars, "duckdb": with_duckdb}
FILES = dict(zip(["f32", "f16", "tokens", "predictions"], sys.argv[1:], strict=True))

print(json.dumps({r: {f: summary(read(path)) for f, path in FILES.items()} for r, read in READERS.items()}))
