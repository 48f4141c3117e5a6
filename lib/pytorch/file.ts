/**
 * A PyTorch file as strided tensors: what the zip format and the older one have in common.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { stridedFault, type StridedTensor } from "../tensor/strided.ts";
import type { FindStorage } from "./machine.ts";
import { findStateDict, type StateDictOptions } from "./state_dict.ts";
import {
  describeValue,
  type PickleStorage,
  type PickleTensor,
  type PickleValue,
} from "./values.ts";

/** The longest pickle that is read, in bytes: the cap on the header of safetensors. */
export const MAX_PICKLE_BYTES = 100_000_000;

/** What a PyTorch file holds. */
export interface PytorchFile {
  /** The tensors by name, in the order of their dict. */
  readonly tensors: ReadonlyMap<string, StridedTensor>;
  /** Where the dict was found: keys joined by dots, "" when it is all that the file holds. */
  readonly stateDict: string;
  /** What was left out: keys of other values, such as "epoch" and "optimizer". */
  readonly ignored: readonly string[];
  /** Groups of tensors that share bytes, such as tied embeddings; each of them is kept. */
  readonly shared: readonly (readonly string[])[];
}

/** Where the storages of a file are. */
export interface StorageBytes {
  /** Whether numbers have their most significant byte first. */
  readonly bigEndian: boolean;
  /** Finds the bytes of a storage; called once for each that is used. */
  readonly open: (storage: PickleStorage) => Promise<ByteSource>;
  /** Whether going back in a storage means to start over, as when it is compressed. */
  readonly isSequential?: (storage: PickleStorage) => boolean;
}

/** Every storage of one file, so that all tensors agree about each. */
export class StorageTable {
  /** The storages by key, as first named. */
  readonly byKey = new Map<string, PickleStorage>();
  readonly #path: string;

  /**
   * Creates an empty table.
   *
   * @param path The file, for messages.
   */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Takes a persistent id: `("storage", class, key, place, count)`, in the older format with a
   * view `(key, first, count)` or None.
   */
  readonly find: FindStorage = (id) => {
    const [tag, type, key, place, length, view] = id;
    if (tag !== "storage" || typeof key !== "string" || typeof place !== "string") return undefined;
    if (id.length > 6 || !isCount(length)) return undefined;
    if (typeof type !== "object" || type?.kind !== "global") return undefined;
    if (type.meaning.role !== "storage") return undefined;
    const viewOffset = viewStart(view, length);
    if (viewOffset === undefined) return undefined;
    const { dtype } = type.meaning;
    const before = this.byKey.get(key);
    if (before !== undefined && (before.dtype !== dtype || before.length !== length)) {
      throw new TinygraftError(
        `Cannot read ${quote(this.#path)}: storage ${quote(key)} is ${before.length} elements of ` +
          `${before.dtype.name} in one place and ${length} of ${dtype.name} in another`,
        { code: "invalid-pickle", path: this.#path },
      );
    }
    const storage: PickleStorage = { kind: "storage", key, dtype, length, viewOffset };
    if (before === undefined) this.byKey.set(key, storage);
    return storage;
  };
}

/**
 * Turns what a file's pickle holds into tensors.
 *
 * @param root The pickle's value.
 * @param bytes Where its storages are.
 * @param options The file, and which dict to take.
 * @returns The tensors and what was left out.
 * @throws {TinygraftError} with `no-state-dict`, `ambiguous-state-dict`, `unsupported-tensor` for
 * a sparse, quantised or otherwise special tensor, `unsupported-dtype`, and `invalid-pickle` for
 * a tensor that reaches beyond its storage.
 */
export async function describeFile(
  root: PickleValue,
  bytes: StorageBytes,
  options: StateDictOptions,
): Promise<PytorchFile> {
  const { name: stateDict, tensors: found, ignored } = findStateDict(root, options);
  const sources = new Map<string, ByteSource>();
  const tensors = new Map<string, StridedTensor>();
  for (const [name, tensor] of found) {
    const { storage, dtype } = usable(tensor, name, options.path);
    const source = sources.get(storage.key) ?? await bytes.open(storage);
    sources.set(storage.key, source);
    tensors.set(name, {
      dtype,
      shape: tensor.shape,
      strides: tensor.strides,
      offset: tensor.offset + storage.viewOffset,
      storage: source,
      bigEndian: bytes.bigEndian,
      isSequential: bytes.isSequential?.(storage) ?? false,
    });
  }
  for (const [name, tensor] of tensors) {
    const fault = stridedFault(tensor);
    if (fault !== undefined) throw tensorError(options.path, name, fault, "invalid-pickle");
  }
  return { tensors, stateDict, ignored, shared: findShared(tensors) };
}

/** The storage and dtype of a tensor that safetensors can hold. */
function usable(tensor: PickleTensor, name: string, path: string) {
  const { storage, dtype, unusable } = tensor;
  if (unusable !== undefined || storage === undefined || dtype === undefined) {
    const found = unusable ?? `it has ${describeValue(storage)} as its storage`;
    throw tensorError(path, name, found, "unsupported-tensor");
  }
  if (dtype.dtype === undefined) {
    const found = `it has dtype ${dtype.name}, which safetensors does not have`;
    throw tensorError(path, name, found, "unsupported-dtype");
  }
  return { storage, dtype: dtype.dtype };
}

function tensorError(
  path: string,
  tensor: string,
  found: string,
  code: "unsupported-tensor" | "unsupported-dtype" | "invalid-pickle",
): TinygraftError {
  return new TinygraftError(`Cannot read tensor ${quote(tensor)} of ${quote(path)}: ${found}`, {
    code,
    path,
    tensor,
  });
}

/** Groups the names whose ranges of one storage overlap. */
function findShared(tensors: ReadonlyMap<string, StridedTensor>): string[][] {
  const ranges = [...tensors].filter(([, { shape }]) => !shape.includes(0)).map(
    ([name, { storage, offset, shape, strides }]) => {
      const reach = shape.reduce((sum, size, dim) => sum + (size - 1) * (strides[dim] ?? 0), 0);
      return { name, storage, begin: offset, end: offset + reach + 1 };
    },
  );
  const byStorage = Map.groupBy(ranges, ({ storage }) => storage);
  const groups: string[][] = [];
  for (const members of byStorage.values()) {
    // Stable, so that names keep the dict's order where ranges begin alike.
    members.sort((a, b) => a.begin - b.begin);
    let group: string[] = [];
    let end = -1;
    for (const member of members) {
      if (member.begin >= end) groups.push(group = []);
      group.push(member.name);
      end = Math.max(end, member.end);
    }
  }
  return groups.filter((group) => group.length > 1);
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && value >= 0;
}

/** First element of a storage's view; undefined when it makes no sense. */
function viewStart(view: PickleValue | undefined, length: number): number | undefined {
  if (view === undefined || view === null) return 0;
  if (typeof view !== "object" || view.kind !== "tuple") return undefined;
  const [, first, count] = view.items;
  if (!isCount(first) || !isCount(count) || first + count > length) return undefined;
  return first;
}
