/**
 * What a pickle of tensors can hold, as inert data: nothing here is ever called.
 *
 * @module
 */

import type { TorchDtype } from "./dtypes.ts";

/** A value on the unpickler's stack. Integers beyond 2^53 - 1 are bigint; floats are opaque. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleStorage
  | PickleTensor
  | PickleOpaque;

/** A value that holds others; `depth` is one more than that of the deepest item. */
export type PickleContainer = PickleTuple | PickleList | PickleDict;

/** A Python tuple. */
export interface PickleTuple {
  /** Tells the kinds apart. */
  readonly kind: "tuple";
  /** The items. */
  readonly items: readonly PickleValue[];
  /** How deep values nest in it. */
  readonly depth: number;
}

/** A Python list. */
export interface PickleList {
  /** Tells the kinds apart. */
  readonly kind: "list";
  /** The items. */
  readonly items: PickleValue[];
  /** How deep values nest in it. */
  depth: number;
}

/** A Python dict, ordered or not; as in Python, the last value of a key counts. */
export interface PickleDict {
  /** Tells the kinds apart. */
  readonly kind: "dict";
  /** The entries; undefined while there are none, as empty dicts are many. */
  entries: Map<PickleValue, PickleValue> | undefined;
  /** How deep values nest in it. */
  depth: number;
}

/** A name that the pickle asks for and that stands on the list of known ones. */
export interface PickleGlobal {
  /** Tells the kinds apart. */
  readonly kind: "global";
  /** The name with its module, such as "torch.FloatStorage". */
  readonly name: string;
  /** What the name stands for. */
  readonly meaning: GlobalMeaning;
}

/** What a known name stands for. */
export type GlobalMeaning =
  | { readonly role: "storage"; readonly dtype: TorchDtype }
  | { readonly role: "dtype"; readonly dtype: TorchDtype }
  | {
    /** Computes what a call of the name results in; undefined for arguments that do not fit. */
    readonly role: "call";
    readonly call: (args: readonly PickleValue[]) => PickleValue | undefined;
  }
  | { readonly role: "inert" };

/** The bytes behind one or more tensors. */
export interface PickleStorage {
  /** Tells the kinds apart. */
  readonly kind: "storage";
  /** Its name within the file. */
  readonly key: string;
  /** What its elements are; untyped storages have elements of one byte. */
  readonly dtype: TorchDtype;
  /** Elements of the whole storage. */
  readonly length: number;
  /** First element that is seen, for a view of a storage. */
  readonly viewOffset: number;
}

/** A tensor: a strided view of a storage. Shapes and offsets are not checked yet. */
export interface PickleTensor {
  /** Tells the kinds apart. */
  readonly kind: "tensor";
  /** Where its bytes are; undefined for a tensor that cannot be used. */
  readonly storage: PickleStorage | undefined;
  /** What its elements are. */
  readonly dtype: TorchDtype | undefined;
  /** Sizes in elements. */
  readonly shape: readonly number[];
  /** Distances in elements. */
  readonly strides: readonly number[];
  /** First element in the storage. */
  readonly offset: number;
  /** Why it cannot be used, such as "it is sparse"; undefined when it can. */
  readonly unusable: string | undefined;
}

/** A value whose content does not matter. */
export interface PickleOpaque {
  /** Tells the kinds apart. */
  readonly kind: "opaque";
  /** What it is, such as "a float". */
  readonly what: string;
}

/** Whether a value is a tuple, a list or a dict. */
export function isContainer(value: PickleValue | undefined): value is PickleContainer {
  const kind = kindOf(value);
  return kind === "tuple" || kind === "list" || kind === "dict";
}

/** The kind of a value that is an object; undefined for Python's plain values. */
export function kindOf(
  value: PickleValue | undefined,
): Exclude<PickleValue, null | boolean | number | bigint | string>["kind"] | undefined {
  return typeof value === "object" && value !== null ? value.kind : undefined;
}

/** Names a value's type for messages. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  switch (typeof value) {
    case "boolean":
      return "a bool";
    case "number":
    case "bigint":
      return "an int";
    case "string":
      return "a string";
  }
  if (value.kind === "opaque") return value.what;
  return value.kind === "global" ? `the name ${value.name}` : `a ${value.kind}`;
}
