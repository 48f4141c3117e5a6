"""Writes and reads safetensors with the reference package, for safetensors_test.ts.

Takes a folder that holds jobs.json: {"write": [{"tensors": [...], "metadata": ...}], "read":
[length, ...]}; the tensors' bytes lie end to end in write.bin, the files to read in read.bin.
Leaves results.json there: {"written": [length, ...], "read": [...]}, and the written files end to
end in written.bin. A file that is refused is read as null, any other as its list of [name, dtype,
shape, CRC-32 of the data].
"""

import ctypes
import json
import pathlib
import sys
import zlib

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


class Bytes:
    """Pieces of a file that lie end to end."""

    def __init__(self, path):
        self.data = memoryview(path.read_bytes())
        self.at = 0

    def take(self, length):
        self.at += length
        return bytes(self.data[self.at - length : self.at])


def write(job, source):
    buffers = []  # keeps the data alive: a spec holds its address only
    specs = {}
    for tensor in job["tensors"]:
        data = source.take(tensor["length"])
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
    return bytes(serialize(specs, job["metadata"]))


def read(data, scratch):
    scratch.write_bytes(data)
    try:
        with safe_open(scratch, framework="numpy") as opened:
            opened.keys()
        tensors = deserialize(data)
    except SafetensorError:
        return None
    return [
        [name, tensor["dtype"], tensor["shape"], zlib.crc32(tensor["data"])]
        for name, tensor in tensors
    ]


def main():
    folder = pathlib.Path(sys.argv[1])
    jobs = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
    source = Bytes(folder / "write.bin")
    written = [write(job, source) for job in jobs["write"]]
    files = Bytes(folder / "read.bin")
    found = [read(files.take(length), folder / "scratch.safetensors") for length in jobs["read"]]
    (folder / "written.bin").write_bytes(b"".join(written))
    results = {"written": [len(file) for file in written], "read": found}
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")


main()
