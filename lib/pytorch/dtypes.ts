/**
 * PyTorch's element types and storages, and which of them safetensors has.
 *
 * @module
 */

import type { Dtype } from "../tensor/dtype.ts";

/** One element type of PyTorch. */
export interface TorchDtype {
  /** PyTorch's name for it, such as "float32". */
  readonly name: string;
  /** Bytes of one element. */
  readonly byteLength: number;
  /** The same type in safetensors; undefined where it has none. */
  readonly dtype: Dtype | undefined;
}

function torchDtype(name: string, byteLength: number, dtype?: Dtype): [string, TorchDtype] {
  return [name, { name, byteLength, dtype }];
}

/** Every element type by its name in the module torch. */
export const TORCH_DTYPES: ReadonlyMap<string, TorchDtype> = new Map([
  torchDtype("float64", 8, "F64"),
  torchDtype("float32", 4, "F32"),
  torchDtype("float16", 2, "F16"),
  torchDtype("bfloat16", 2, "BF16"),
  torchDtype("float8_e4m3fn", 1, "F8_E4M3"),
  torchDtype("float8_e5m2", 1, "F8_E5M2"),
  torchDtype("float8_e4m3fnuz", 1, "F8_E4M3FNUZ"),
  torchDtype("float8_e5m2fnuz", 1, "F8_E5M2FNUZ"),
  torchDtype("float8_e8m0fnu", 1, "F8_E8M0"),
  torchDtype("float4_e2m1fn_x2", 1),
  torchDtype("int64", 8, "I64"),
  torchDtype("int32", 4, "I32"),
  torchDtype("int16", 2, "I16"),
  torchDtype("int8", 1, "I8"),
  torchDtype("uint64", 8, "U64"),
  torchDtype("uint32", 4, "U32"),
  torchDtype("uint16", 2, "U16"),
  torchDtype("uint8", 1, "U8"),
  torchDtype("bool", 1, "BOOL"),
  torchDtype("complex32", 4),
  torchDtype("complex64", 8, "C64"),
  torchDtype("complex128", 16),
  torchDtype("qint8", 1),
  torchDtype("qint32", 4),
  torchDtype("quint8", 1),
  torchDtype("quint4x2", 1),
  torchDtype("quint2x4", 1),
  torchDtype("bits8", 1),
  torchDtype("bits16", 2),
]);

/** The element type of every storage class by its name. */
export const STORAGE_DTYPES: ReadonlyMap<string, TorchDtype> = new Map(
  ([
    ["DoubleStorage", "float64"],
    ["FloatStorage", "float32"],
    ["HalfStorage", "float16"],
    ["BFloat16Storage", "bfloat16"],
    ["LongStorage", "int64"],
    ["IntStorage", "int32"],
    ["ShortStorage", "int16"],
    ["CharStorage", "int8"],
    ["ByteStorage", "uint8"],
    ["BoolStorage", "bool"],
    ["ComplexFloatStorage", "complex64"],
    ["ComplexDoubleStorage", "complex128"],
    ["QInt8Storage", "qint8"],
    ["QInt32Storage", "qint32"],
    ["QUInt8Storage", "quint8"],
    ["QUInt4x2Storage", "quint4x2"],
    ["QUInt2x4Storage", "quint2x4"],
    ["UntypedStorage", "uint8"],
  ] as const).flatMap(([storage, name]) => {
    const dtype = TORCH_DTYPES.get(name);
    return dtype === undefined ? [] : [[storage, dtype] as const];
  }),
);
