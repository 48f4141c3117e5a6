/**
 * What the calls in a pickle of tensors result in.
 *
 * @module
 */

import type { TorchDtype } from "./dtypes.ts";
import {
  kindOf,
  type PickleDict,
  type PickleStorage,
  type PickleTensor,
  type PickleValue,
} from "./values.ts";

/** Computes a call's result as data; undefined when the arguments do not fit. */
export type Call = (args: readonly PickleValue[]) => PickleValue | undefined;

/** Calls that make tensors, by name. */
export const TENSOR_CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["torch._utils._rebuild_tensor", (args) => rebuildTensor(args, args.length === 4)],
  [
    "torch._utils._rebuild_tensor_v2",
    (args) => rebuildTensor(args, args.length === 6 || args.length === 7, args[6]),
  ],
  [
    "torch._utils._rebuild_tensor_v3",
    (args) =>
      rebuildTensor(args, args.length === 7 || args.length === 8, args[7], dtypeOf(args[6])),
  ],
  ["torch._utils._rebuild_parameter", ([tensor]) => asTensor(tensor)],
  ["torch._utils._rebuild_parameter_with_state", ([tensor]) => asTensor(tensor)],
  ["torch.nn.parameter.Parameter", ([tensor]) => asTensor(tensor)],
  ["torch._tensor._rebuild_from_type_v2", rebuildFromType],
  ["torch._utils._rebuild_qtensor", () => unusableTensor("it is quantised")],
  ["torch._utils._rebuild_sparse_tensor", () => unusableTensor("it is sparse")],
  ["torch._utils._rebuild_nested_tensor", () => unusableTensor("it is nested")],
  [
    "torch._utils._rebuild_meta_tensor_no_storage",
    () => unusableTensor("it is on the meta device and has no data"),
  ],
  [
    "torch._utils._rebuild_wrapper_subclass",
    () => unusableTensor("it is of a subclass of torch.Tensor"),
  ],
  [
    "torch._utils._rebuild_device_tensor_from_numpy",
    () => unusableTensor("it is stored as a NumPy array"),
  ],
  ["torch._utils._rebuild_device_tensor_from_cpu_tensor", ([tensor]) => asTensor(tensor)],
]);

/** Calls whose results say nothing about tensors, by name. */
export const OPAQUE_CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["collections.OrderedDict", orderedDict],
  ["collections.Counter", ([dict]) => kindOf(dict) === "dict" ? dict : opaque("a Counter")],
  ["torch.Size", ([sizes]) => kindOf(sizes) === "tuple" ? sizes : opaque("a torch.Size")],
  ["torch.device", () => opaque("a torch.device")],
  ["torch.serialization._get_layout", () => opaque("a torch.layout")],
  ["_codecs.encode", () => opaque("bytes")],
  ["builtins.bytes", () => opaque("bytes")],
  ["builtins.bytearray", () => opaque("a bytearray")],
  ["builtins.set", () => opaque("a set")],
  ["builtins.frozenset", () => opaque("a frozenset")],
  ["builtins.complex", () => opaque("a complex number")],
  ["numpy.dtype", () => opaque("a NumPy dtype")],
  ["numpy.core.multiarray.scalar", () => opaque("a NumPy scalar")],
  ["numpy._core.multiarray.scalar", () => opaque("a NumPy scalar")],
]);

function opaque(what: string): PickleValue {
  return { kind: "opaque", what };
}

function unusableTensor(unusable: string): PickleTensor {
  const nothing = { storage: undefined, dtype: undefined, shape: [], strides: [], offset: 0 };
  return { kind: "tensor", ...nothing, unusable };
}

function asTensor(value: PickleValue | undefined): PickleTensor | undefined {
  return kindOf(value) === "tensor" ? value as PickleTensor : undefined;
}

/** `(storage, offset, size, stride, …)`, with flags and a dtype where the call has them. */
function rebuildTensor(
  args: readonly PickleValue[],
  hasRightLength: boolean,
  flags?: PickleValue,
  dtype?: TorchDtype | null,
): PickleTensor | undefined {
  const [storage, offset, size, stride] = args;
  const shape = integers(size);
  const strides = integers(stride);
  if (!hasRightLength || !isStorage(storage) || typeof offset !== "number" || dtype === null) {
    return undefined;
  }
  if (shape === undefined || strides === undefined) return undefined;
  const bits = raisedFlags(flags);
  return {
    kind: "tensor",
    storage,
    dtype: dtype ?? storage.dtype,
    shape,
    strides,
    offset,
    unusable: bits && `its ${bits} bit is set: save it after resolve_conj() and resolve_neg()`,
  };
}

/** `(function, class, arguments, attributes)`: a tensor that carries Python attributes. */
function rebuildFromType(args: readonly PickleValue[]): PickleTensor | undefined {
  const [inner, type, innerArgs] = args;
  if (typeof inner !== "object" || inner?.kind !== "global" || inner.meaning.role !== "call") {
    return undefined;
  }
  if (typeof innerArgs !== "object" || innerArgs?.kind !== "tuple") return undefined;
  const isPlain = typeof type === "object" && type?.kind === "global" &&
    ["torch.Tensor", "torch.nn.parameter.Parameter"].includes(type.name);
  if (!isPlain || !TENSOR_CALLS.has(inner.name) || inner.meaning.call === rebuildFromType) {
    return undefined;
  }
  return asTensor(inner.meaning.call(innerArgs.items));
}

/** `OrderedDict()`, or with a list of pairs as Python 2 wrote it. */
function orderedDict(args: readonly PickleValue[]): PickleDict | undefined {
  const [list] = args;
  if (list === undefined) return { kind: "dict", entries: undefined, depth: 1 };
  if (args.length > 1 || typeof list !== "object" || list?.kind !== "list") return undefined;
  const entries = new Map<PickleValue, PickleValue>();
  for (const pair of list.items) {
    if (typeof pair !== "object" || (pair?.kind !== "list" && pair?.kind !== "tuple")) {
      return undefined;
    }
    const [key, value] = pair.items;
    if (pair.items.length !== 2 || key === undefined || value === undefined) return undefined;
    entries.set(key, value);
  }
  return { kind: "dict", entries, depth: list.depth };
}

function isStorage(value: PickleValue | undefined): value is PickleStorage {
  return kindOf(value) === "storage";
}

/** A dtype argument; null when it is something else. */
function dtypeOf(value: PickleValue | undefined): TorchDtype | null {
  if (typeof value !== "object" || value?.kind !== "global") return null;
  return value.meaning.role === "dtype" ? value.meaning.dtype : null;
}

function integers(value: PickleValue | undefined): number[] | undefined {
  if (typeof value !== "object" || value?.kind !== "tuple") return undefined;
  const { items } = value;
  return items.every((item) => typeof item === "number") ? items.slice() as number[] : undefined;
}

/** The lazy bits of a tensor: with one set, its values are not those of its storage. */
function raisedFlags(flags: PickleValue | undefined): string | undefined {
  if (typeof flags !== "object" || flags?.kind !== "dict") return undefined;
  const raised = [...flags.entries ?? []].filter(([, value]) => value !== false);
  if (raised.length === 0) return undefined;
  return raised.map(([key]) => key === "conj" || key === "neg" ? key : "unknown").join(" and ");
}
