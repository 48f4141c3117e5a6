/**
 * The header of an array as NumPy saves it.
 *
 * Source: NumPy's documentation, module numpy.lib.format, versions 1.0 to 3.0.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { tensorByteLength } from "../tensor/shape.ts";
import { SliceSource } from "../tensor/slice_source.ts";
import { denseStrides, stridedFault, type StridedTensor } from "../tensor/strided.ts";
import { type LiteralDict, LiteralError, parseLiteral } from "./literal.ts";

/** What is known of an array beside its bytes. */
export interface NpyContext {
  /** The file that holds the array. */
  readonly path: string;
  /** The array's name in it. */
  readonly name: string;
  /** Whether going back in its bytes means to start over, as when they are compressed. */
  readonly isSequential?: boolean;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"
/** The longest header that is read, in bytes; NumPy itself stops at 10,000 unless told. */
const MAX_HEADER_BYTES = 1 << 20;

/** NumPy's codes for element types, without the byte order. */
const DTYPES: ReadonlyMap<string, Dtype> = new Map([
  ["f8", "F64"],
  ["f4", "F32"],
  ["f2", "F16"],
  ["i8", "I64"],
  ["i4", "I32"],
  ["i2", "I16"],
  ["i1", "I8"],
  ["u8", "U64"],
  ["u4", "U32"],
  ["u2", "U16"],
  ["u1", "U8"],
  ["b1", "BOOL"],
  ["c8", "C64"],
]);

/** What the codes that cannot be read stand for, by their first letter. */
const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ["O", "Python objects, which are pickled"],
  ["S", "byte strings"],
  ["U", "text"],
  ["V", "raw bytes, as NumPy saves bfloat16 and 8-bit floats"],
  ["M", "dates"],
  ["m", "durations"],
]);

/**
 * Reads an array's header; its data is not read.
 *
 * @param source The array's bytes, header first; stays open while the tensor is used.
 * @param context What to call it in messages, and how its bytes can be read.
 * @returns The array as a view of the source, in Fortran order by its strides.
 * @throws {TinygraftError} with `invalid-npy` for a malformed header or data of another length,
 * `unsupported-dtype` for objects, text, structures and the like.
 */
export async function readNpy(source: ByteSource, context: NpyContext): Promise<StridedTensor> {
  const { text, dataStart } = await readHeaderText(source, context);
  const header = parseHeader(text, context);
  const { shape, isFortran } = header;
  const { dtype, bigEndian } = parseDescription(header.descr, context);
  const tensor = {
    dtype,
    shape,
    strides: denseStrides(shape, isFortran ? "F" : "C"),
    offset: 0,
    storage: new SliceSource(source, dataStart, source.byteLength),
    bigEndian,
    isSequential: context.isSequential ?? false,
  };
  const fault = stridedFault(tensor);
  if (fault !== undefined) throw npyError(context, fault);
  const wanted = tensorByteLength(dtype, shape);
  if (tensor.storage.byteLength !== wanted) {
    throw npyError(
      context,
      `its data has ${tensor.storage.byteLength} bytes, expected ${wanted}`,
    );
  }
  return tensor;
}

async function readHeaderText(source: ByteSource, context: NpyContext) {
  const truncated = () => npyError(context, `it ends within its header`);
  if (source.byteLength < 10) throw truncated();
  const head = await source.read(0, Math.min(source.byteLength, 12));
  if (!MAGIC.every((byte, i) => head[i] === byte)) {
    throw npyError(context, "it does not start as an array of NumPy does");
  }
  const [major, minor] = [head[6] ?? 0, head[7] ?? 0];
  if (![1, 2, 3].includes(major) || minor !== 0) {
    throw npyError(context, `its format is version ${major}.${minor}, expected 1.0 to 3.0`);
  }
  const lengthBytes = major === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (head.byteLength < start) throw truncated();
  const view = new DataView(head.buffer);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw npyError(context, `its header has ${length} bytes, expected at most ${MAX_HEADER_BYTES}`);
  }
  if (start + length > source.byteLength) throw truncated();
  const bytes = await source.read(start, start + length);
  // Before version 3 the header was Latin-1, which for what can be read here is ASCII.
  return { text: new TextDecoder().decode(bytes), dataStart: start + length };
}

function parseHeader(text: string, context: NpyContext) {
  const dict = parseDict(text, context);
  const descr = dict.get("descr");
  const isFortran = dict.get("fortran_order");
  const shape = dict.get("shape");
  if (dict.size !== 3 || descr === undefined || typeof isFortran !== "boolean") {
    throw npyError(
      context,
      "its header lacks the keys descr, fortran_order and shape, or has others",
    );
  }
  if (!Array.isArray(shape) || !shape.every((size) => typeof size === "number" && size >= 0)) {
    throw npyError(context, "its shape is not a tuple of sizes");
  }
  return { descr, isFortran, shape: shape as readonly number[] };
}

function parseDict(text: string, context: NpyContext): LiteralDict {
  try {
    const value = parseLiteral(text);
    if (value instanceof Map) return value;
  } catch (error) {
    if (!(error instanceof LiteralError)) throw error;
  }
  throw npyError(context, "its header is not a dict of plain values");
}

/** A type's code, such as "<f4": byte order, kind, and bytes of an element. */
function parseDescription(descr: unknown, context: NpyContext) {
  const match = typeof descr === "string" ? /^([<>|])([a-zA-Z]\d*)/.exec(descr) : null;
  const code = match?.[2] ?? "";
  const dtype = match?.[0] === descr ? DTYPES.get(code) : undefined;
  if (dtype !== undefined) return { dtype, bigEndian: match?.[1] === ">" };
  const kind = UNREADABLE.get(code.charAt(0));
  const found = typeof descr !== "string"
    ? "structures"
    : `${kind ?? "elements"} (dtype ${quote(descr)})`;
  throw new TinygraftError(
    `${opening(context)}: it holds ${found}, expected floats, integers, booleans or complex64`,
    { code: "unsupported-dtype", path: context.path, tensor: context.name },
  );
}

function opening({ name, path }: NpyContext): `Cannot ${string}` {
  return `Cannot read array ${quote(name)} of ${quote(path)}`;
}

function npyError(context: NpyContext, found: string): TinygraftError {
  return new TinygraftError(`${opening(context)}: ${found}`, {
    code: "invalid-npy",
    path: context.path,
    tensor: context.name,
  });
}
