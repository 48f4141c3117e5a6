/**
 * Finds the one dict of tensors in what a PyTorch file holds.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import {
  describeValue,
  kindOf,
  type PickleDict,
  type PickleTensor,
  type PickleValue,
} from "./values.ts";

/** Which dict is wanted, and of what. */
export interface StateDictOptions {
  /** The file, for messages. */
  readonly path: string;
  /**
   * The dict to take where there are several: its keys from the outermost, joined by dots, such
   * as "model" or "ema.state_dict".
   */
  readonly stateDict?: string | undefined;
}

/** A dict of tensors. */
export interface StateDict {
  /** Where it was found: keys joined by dots, "" when it is all that the file holds. */
  readonly name: string;
  /** The tensors by name, in the dict's order. */
  readonly tensors: ReadonlyMap<string, PickleTensor>;
  /** What was left out: keys of other values, such as "epoch" and "optimizer". */
  readonly ignored: readonly string[];
}

/** How deep dicts are searched. */
const MAX_DEPTH = 16;
/** The most entries that are named as left out. */
const MAX_IGNORED = 100;
/** The most dicts that a message names. */
const MAX_NAMED = 8;

interface Candidate extends StateDict {
  /** Whether a tensor in it has a dimension: a lone loss or step count makes no state dict. */
  readonly hasArrays: boolean;
}

/**
 * Finds the dict of tensors, in the file's own dict or in the dicts within it.
 *
 * Not searched: lists, dicts under keys that are not strings, and an optimizer's state.
 *
 * @param root What the file holds.
 * @param options The file, and which dict to take.
 * @returns The only dict with tensors as values, or the one that is asked for.
 * @throws {TinygraftError} with `no-state-dict` when there is none (of that name),
 * `ambiguous-state-dict` when there are several, naming them.
 */
export function findStateDict(root: PickleValue, options: StateDictOptions): StateDict {
  const found = candidates(root);
  const wanted = options.stateDict;
  if (wanted !== undefined) {
    const named = found.find(({ name }) => name === wanted);
    if (named !== undefined) return withSiblings(named, root);
    throw stateDictError(options.path, `found no dict of tensors at ${quote(wanted)}`, found);
  }
  const arrays = found.filter(({ hasArrays }) => hasArrays);
  const likely = arrays.length > 0 ? arrays : found;
  const only = likely[0];
  if (only === undefined) {
    const what = kindOf(root) === "dict" ? "dicts without a tensor" : describeValue(root);
    throw stateDictError(options.path, `found ${what}, expected a dict of tensors`, []);
  }
  if (likely.length === 1) return withSiblings(only, root);
  throw new TinygraftError(
    `Cannot read ${quote(options.path)}: found ${likely.length} dicts of tensors, ` +
      `${named(likely)}, expected one: choose one of them (--state-dict)`,
    { code: "ambiguous-state-dict", path: options.path },
  );
}

/** Every dict that holds a tensor, outermost first; each once, also when it holds itself. */
function candidates(root: PickleValue): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<PickleDict>();
  let level: [name: string, value: PickleValue][] = [["", root]];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    const next: typeof level = [];
    for (const [name, value] of level) {
      const dict = asDict(value);
      if (dict === undefined || seen.has(dict) || isOptimizer(dict)) continue;
      seen.add(dict);
      const candidate = candidateOf(name, dict);
      if (candidate.tensors.size > 0) found.push(candidate);
      for (const [key, inner] of dict.entries ?? []) {
        if (typeof key === "string" && asDict(inner)) next.push([joined(name, key), inner]);
      }
    }
    level = next;
  }
  return found;
}

function candidateOf(name: string, dict: PickleDict): Candidate {
  const tensors = new Map<string, PickleTensor>();
  const ignored: string[] = [];
  let hasArrays = false;
  for (const [key, value] of dict.entries ?? []) {
    if (typeof key === "string" && kindOf(value) === "tensor") {
      const tensor = value as PickleTensor;
      tensors.set(key, tensor);
      hasArrays ||= tensor.shape.length > 0 || tensor.unusable !== undefined;
    } else if (ignored.length < MAX_IGNORED) {
      ignored.push(joined(name, keyName(key)));
    }
  }
  return { name, tensors, ignored, hasArrays };
}

/** Adds what stands beside the dict in those around it. */
function withSiblings({ name, tensors, ignored }: Candidate, root: PickleValue): StateDict {
  const outer: string[] = [];
  let at = "";
  for (let dict = asDict(root); dict !== undefined && at !== name;) {
    let inner: [name: string, dict: PickleDict] | undefined;
    for (const [key, value] of dict.entries ?? []) {
      const path = joined(at, keyName(key));
      const within = asDict(value);
      if (within && (path === name || name.startsWith(`${path}.`)) && !inner) {
        inner = [path, within];
      } else if (outer.length < MAX_IGNORED) {
        outer.push(path);
      }
    }
    if (inner === undefined) break;
    [at, dict] = inner;
  }
  return { name, tensors, ignored: [...outer, ...ignored] };
}

/** The layout of torch.optim: its tensors are no weights. */
function isOptimizer({ entries }: PickleDict): boolean {
  return entries?.has("state") === true && entries.has("param_groups");
}

function asDict(value: PickleValue | undefined): PickleDict | undefined {
  return typeof value === "object" && value?.kind === "dict" ? value : undefined;
}

function keyName(key: PickleValue): string {
  return typeof key === "string" || typeof key === "number" ? String(key) : describeValue(key);
}

function joined(outer: string, key: string): string {
  return outer === "" ? key : `${outer}.${key}`;
}

function named(found: readonly Candidate[]): string {
  const names = found.slice(0, MAX_NAMED).map(({ name }) =>
    name === "" ? "the outermost" : quote(name)
  );
  return names.join(", ") + (found.length > MAX_NAMED ? " …" : "");
}

function stateDictError(
  path: string,
  problem: string,
  found: readonly Candidate[],
): TinygraftError {
  const remedy = found.length > 0
    ? `expected one of ${named(found)}`
    : "save the model's state_dict() with torch.save";
  return new TinygraftError(`Cannot read ${quote(path)}: ${problem}: ${remedy}`, {
    code: "no-state-dict",
    path,
  });
}
