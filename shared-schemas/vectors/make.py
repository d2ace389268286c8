"""Writes vectors.json: Avro bytes made by fastavro, another implementation, for our codec to agree with.

    python3 -m venv venv && venv/bin/pip install fastavro==1.13.1 && venv/bin/python make.py && npx biome format --write .

A case has the schema of one field `v` and pairs of a value and its record's bytes in hex. Values are JSON in a form the test
turns into row values: integers as strings, bytes as {"hex": …}, decimals as {"unscaled": …}, doubles that JSON lacks as {"f64": hex}.
"""
import datetime
import decimal
import io
import json
import pathlib
import struct

import fastavro

decimal.getcontext().prec = 60
INTS = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2**27, 2**28, 2**31 - 1, -(2**31)]
LONGS = INTS + [2**31, 2**34, 2**35, 2**48, 2**49 - 1, 2**49, 2**52, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) + 1, -(2**53), -(2**53) - 1, 2**62, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 1.5, -2.25, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), 0.1]
STRINGS = ["", "a", "x" * 63, "x" * 64, "x" * 200, "é", "€uro", "𝄞 clef", "\x00\u007f", "é" * 40, "\ufffd"]


def num(v):
    return str(v)


def dbl(v):
    return {"f64": struct.pack("<d", v).hex()}


def same(v):
    return v


def hexed(v):
    return {"hex": v.hex()}


def unscaled(scale):
    return lambda v: {"unscaled": str(int(v.scaleb(scale)))}


def dec(n, scale):
    return decimal.Decimal(n).scaleb(-scale)


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def micros(v):
    return str((v - EPOCH) // datetime.timedelta(microseconds=1))


def at(ms):
    return EPOCH + datetime.timedelta(milliseconds=ms)


D10 = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
D38 = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 0}
DFIX = {"type": "fixed", "name": "F8", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 4}
ENUM = {"type": "enum", "name": "Suit", "symbols": ["CLUBS", "HEARTS", "SPADES"]}
ITEM = {"type": "record", "name": "Item", "fields": [{"name": "sku", "type": "string"}, {"name": "price", "type": ["null", D10]}, {"name": "tags", "type": {"type": "array", "items": "string"}}]}

cases = [
    ("boolean", "boolean", [True, False], same),
    ("int", "int", INTS, num),
    ("long", "long", LONGS, num),
    ("float", "float", [0.0, 1.5, -0.0, float("inf")], dbl),
    ("double", "double", DOUBLES, dbl),
    ("string", "string", STRINGS, same),
    ("bytes", "bytes", [b"", b"\x00\xff", bytes(range(256))], hexed),
    ("fixed", {"type": "fixed", "name": "F4", "size": 4}, [b"\x00\x01\x02\xff"], hexed),
    ("enum", ENUM, ["CLUBS", "SPADES"], same),
    ("null first", ["null", "long"], [None, 0, -5], lambda v: None if v is None else num(v)),
    ("null last", ["string", "null"], ["", "a", None], same),
    ("null enum", ["null", ENUM], [None, "HEARTS"], same),
    ("date", {"type": "int", "logicalType": "date"}, [datetime.date(1970, 1, 1), datetime.date(1969, 12, 31), datetime.date(2024, 2, 29), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)], lambda v: str((v - datetime.date(1970, 1, 1)).days)),
    ("timestamp-millis", {"type": "long", "logicalType": "timestamp-millis"}, [at(0), at(-1), at(1700000000123), at(-62135596800000), at(253402300799999)], micros),
    ("timestamp-micros", {"type": "long", "logicalType": "timestamp-micros"}, [at(0), at(-0.001), EPOCH + datetime.timedelta(microseconds=1700000000123456), at(253402300799999)], micros),
    ("decimal bytes", D10, [dec(n, 2) for n in [0, 1, -1, 127, 128, -128, -129, 255, 256, -32768, 32767, 9999999999, -9999999999]], unscaled(2)),
    ("decimal wide", D38, [dec(n, 0) for n in [2**53 - 1, 2**53, -(2**53), 2**63, -(2**63), -(2**63) - 1, 10**38 - 1, -(10**38) + 1]], unscaled(0)),
    ("decimal fixed", DFIX, [dec(n, 4) for n in [0, 1, -1, -128, 10**18 - 1, -(10**18) + 1]], unscaled(4)),
    ("array", {"type": "array", "items": ["null", "long"]}, [[], [1], [1, None, -(2**60)]], lambda v: [None if e is None else num(e) for e in v]),
    ("map", {"type": "map", "values": "double"}, [{}, {"a": 1.5}, {"b": -0.5, "a": 2.0, "é": 0.0}], lambda v: [[k, dbl(e)] for k, e in v.items()]),
    ("record", ITEM, [{"sku": "a", "price": None, "tags": []}, {"sku": "é", "price": dec(-1250, 2), "tags": ["x", ""]}], lambda v: {"sku": v["sku"], "price": None if v["price"] is None else unscaled(2)(v["price"]), "tags": v["tags"]}),
    ("array of records", {"type": "array", "items": ITEM}, [[{"sku": "a", "price": dec(1, 2), "tags": ["t"]}] * 3], lambda v: [{"sku": e["sku"], "price": unscaled(2)(e["price"]), "tags": e["tags"]} for e in v]),
]

result = []
for name, schema, values, show in cases:
    record = {"type": "record", "name": "R", "fields": [{"name": "v", "type": schema}]}
    parsed = fastavro.parse_schema(record)
    pairs = []
    for value in values:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, {"v": value})
        pairs.append({"value": show(value), "hex": out.getvalue().hex()})
    result.append({"name": name, "schema": record, "pairs": pairs})

path = pathlib.Path(__file__).parent / "vectors.json"
path.write_text(json.dumps(result, ensure_ascii=True, indent=1) + "\n")
print(f"{sum(len(case['pairs']) for case in result)} vectors")

# an object container file of the same library, two blocks, deflated
rows = [{"v": str(i), "n": i} for i in range(100)]
schema = {"type": "record", "name": "Line", "fields": [{"name": "v", "type": "string"}, {"name": "n", "type": "long"}]}
for codec in ["null", "deflate"]:
    with open(pathlib.Path(__file__).parent / f"container-{codec}.avro", "wb") as file:
        fastavro.writer(file, schema, rows, codec=codec, sync_interval=100, sync_marker=bytes(range(16)))
