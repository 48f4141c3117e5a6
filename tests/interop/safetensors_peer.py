"""Writes and reads safetensors with the reference package, for safetensors_test.ts.

Takes a folder that holds jobs.json: {"write": [{"tensors": [...], "metadata": ...}], "read": [...]}
with all bytes in base64, and leaves results.json there: {"written": [...], "read": [...]}. A file
that is refused is read as null, any other as its list of [name, dtype, shape, data].
"""

import base64
import ctypes
import json
import pathlib
import sys

from safetensors import SafetensorError, TensorSpec, deserialize, safe_open, serialize

# The header's names of dtypes to those that TensorSpec takes.
DTYPES = {
    "BOOL": "bool",
    "F4": "float4_e2m1fn_x2",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "C64": "complex64",
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
}


def write(job):
    buffers = []  # keeps the data alive: a spec holds its address only
    specs = {}
    for tensor in job["tensors"]:
        data = base64.b64decode(tensor["data"])
        buffer = ctypes.create_string_buffer(data, max(1, len(data)))
        buffers.append(buffer)
        shape = list(tensor["shape"])
        if tensor["dtype"] == "F4":
            shape[-1] //= 2  # given in bytes of two elements, written in elements
        specs[tensor["name"]] = TensorSpec(
            dtype=DTYPES[tensor["dtype"]],
            shape=shape,
            data_ptr=ctypes.addressof(buffer),
            data_len=len(data),
        )
    return base64.b64encode(serialize(specs, job["metadata"])).decode()


def read(encoded, scratch):
    data = base64.b64decode(encoded)
    scratch.write_bytes(data)
    try:
        with safe_open(scratch, framework="numpy") as opened:
            opened.keys()
        tensors = deserialize(data)
    except SafetensorError:
        return None
    return [
        [name, tensor["dtype"], tensor["shape"], base64.b64encode(tensor["data"]).decode()]
        for name, tensor in tensors
    ]


def main():
    folder = pathlib.Path(sys.argv[1])
    jobs = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
    results = {
        "written": [write(job) for job in jobs["write"]],
        "read": [read(encoded, folder / "scratch.safetensors") for encoded in jobs["read"]],
    }
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")


main()
