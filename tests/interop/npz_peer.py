"""Writes .npz archives of random arrays and says what they hold.

Called with a folder: writes plain.npz, compressed.npz and expected.json, an object from name to
[dtype, shape, base64 of the little-endian bytes in C order].
"""

import base64
import json
import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
random = np.random.default_rng(7)
DTYPES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8",
    "u8": "U64", "u4": "U32", "u2": "U16", "u1": "U8", "?": "BOOL", "c8": "C64",
}  # fmt: skip
SHAPES = [(), (0, 3), (1,), (5,), (2, 3), (4, 1, 3), (2, 3, 4), (300, 701)]
arrays = {}
expected = {}
for code, dtype in DTYPES.items():
    for shape in SHAPES:
        for order in "<>":
            for layout in "CF":
                width = np.dtype(code).itemsize
                data = random.integers(0, 2 if code == "?" else 256, (*shape, width), np.uint8)
                plain = data.view(code).reshape(shape)
                name = f"{code}{order}{layout}/{'x'.join(map(str, shape))}"
                turned = plain.astype(np.dtype(code).newbyteorder(order))
                arrays[name] = np.asarray(turned, order=layout)
                bytes_ = base64.b64encode(plain.tobytes(order="C")).decode()
                expected[name] = [dtype, list(shape), bytes_]
np.savez(folder / "plain.npz", **arrays)
np.savez_compressed(folder / "compressed.npz", **arrays)
(folder / "expected.json").write_text(json.dumps(expected))
np.savez(folder / "objects.npz", a=np.array([None, {}], dtype=object))
np.savez(folder / "text.npz", a=np.array(["x"]))
