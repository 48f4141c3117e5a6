/**
 * The unpickler's memory: stack, marks and memo, each with a bound.
 *
 * @module
 */

import { quote } from "../tensor/quote.ts";
import type { PickleCursor } from "./cursor.ts";
import { findGlobal } from "./globals.ts";
import {
  describeValue,
  isContainer,
  kindOf,
  type PickleContainer,
  type PickleDict,
  type PickleGlobal,
  type PickleStorage,
  type PickleValue,
} from "./values.ts";

/** How deep values may nest: Python's own pickler gives up at a thousand. */
export const MAX_DEPTH = 500;
/** The most values on the stack; Python hands over lists and dicts in parts of a thousand. */
const MAX_STACK = 1_000_000;
/** The most tuples, lists, dicts, tensors and the like: those of 250,000 tensors. */
const MAX_OBJECTS = 2_000_000;
/** The most values kept for repeated use. */
const MAX_MEMO = 4_000_000;
/** The most values moved in all, so that a short pickle cannot make a long one's work. */
const MAX_MOVES = 20_000_000;

/** Turns what a pickle says of a storage into a storage; throws where it makes no sense. */
export type FindStorage = (id: readonly PickleValue[]) => PickleStorage | undefined;

/** The state of one unpickling. */
export class PickleMachine {
  /** The bytes. */
  readonly cursor: PickleCursor;
  readonly #findStorage: FindStorage;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  /** Kept values by number, as far as numbers follow each other, which Python's do. */
  readonly #memo: PickleValue[] = [];
  /** Those with other numbers. */
  readonly #scattered = new Map<number, PickleValue>();
  #objects = 0;
  #moves = 0;

  /**
   * Creates the machine.
   *
   * @param cursor The pickle's bytes.
   * @param findStorage Called for each persistent id.
   */
  constructor(cursor: PickleCursor, findStorage: FindStorage) {
    this.cursor = cursor;
    this.#findStorage = findStorage;
  }

  /** Puts a value on the stack. */
  push(value: PickleValue): void {
    if (this.#stack.length >= MAX_STACK) {
      throw this.cursor.error(
        `its pickle stacks more than ${MAX_STACK} values`,
        "unsafe-pickle",
      );
    }
    this.#stack.push(value);
  }

  /** Puts a new object on the stack. */
  pushNew(value: PickleValue): void {
    if (++this.#objects > MAX_OBJECTS) {
      throw this.cursor.error(`its pickle makes more than ${MAX_OBJECTS} objects`, "unsafe-pickle");
    }
    this.push(value);
  }

  /** Takes the topmost value off the stack. */
  pop(): PickleValue {
    const floor = this.#marks.at(-1) ?? 0;
    const value = this.#stack.length > floor ? this.#stack.pop() : undefined;
    if (value === undefined) throw this.cursor.error("its pickle takes a value that is not there");
    return value;
  }

  /** The topmost value, which stays. */
  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  /** Sets a mark. */
  mark(): void {
    // Each level of nesting is at most a container's mark and a call's.
    if (this.#marks.length >= 2 * MAX_DEPTH) throw this.#tooDeep();
    this.#marks.push(this.#stack.length);
  }

  /** Takes all values above the last mark. */
  popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.cursor.error("its pickle lacks a mark");
    this.charge(this.#stack.length - mark);
    return this.#stack.splice(mark);
  }

  /** Makes a tuple. */
  tuple(items: readonly PickleValue[]): void {
    const tuple = { kind: "tuple" as const, items, depth: this.#depthOver(0, items) };
    this.pushNew(tuple);
  }

  /** Appends items to the list on top of the stack. */
  append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (typeof list !== "object" || list?.kind !== "list") {
      throw this.#refuse("append to", list);
    }
    list.depth = this.#depthOver(list.depth, items);
    for (const item of items) list.items.push(item);
  }

  /** Sets alternating keys and values in the dict on top of the stack. */
  setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (typeof dict !== "object" || dict?.kind !== "dict") throw this.#refuse("set items of", dict);
    if (items.length % 2 !== 0) throw this.cursor.error("its pickle has a key without a value");
    dict.depth = this.#depthOver(dict.depth, items);
    dict.entries ??= new Map();
    for (let i = 0; i < items.length; i += 2) {
      const [key, value] = [items[i], items[i + 1]];
      if (key === undefined || value === undefined) continue;
      this.#checkKey(key);
      dict.entries.set(key, value);
    }
  }

  /** Takes items of a set, which do not matter. */
  addItems(): void {
    this.popMark();
    const set = this.top();
    if (kindOf(set) !== "opaque") throw this.#refuse("add items to", set);
  }

  /** Looks up a name on the list of known ones. */
  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== "string" || typeof name !== "string") {
      throw this.cursor.error(
        `its pickle asks for ${describeValue(name)} of ${describeValue(module)} by name`,
      );
    }
    const found = findGlobal(module, name);
    if (found === undefined) {
      throw this.cursor.error(
        `its pickle asks for ${quote(`${module}.${name}`)}, which tensors do not need ` +
          "and which could run code: load it in Python if you trust it and save only the " +
          "state_dict()",
        "unsafe-pickle",
      );
    }
    this.pushNew(found);
  }

  /** Replaces a name and its arguments by what the call results in. */
  call(): void {
    const args = this.pop();
    const target = this.pop();
    if (typeof target !== "object" || target?.kind !== "global" || target.meaning.role !== "call") {
      throw this.#refuse("call", target);
    }
    if (typeof args !== "object" || args?.kind !== "tuple") throw this.#wrongArguments(target);
    for (const arg of args.items) this.#chargeArgument(arg);
    const result = target.meaning.call(args.items);
    if (result === undefined) throw this.#wrongArguments(target);
    if (typeof result === "object" && result?.kind === "dict") {
      for (const key of result.entries?.keys() ?? []) this.#checkKey(key);
    }
    this.pushNew(result);
  }

  /** Drops the state of a value that has attributes nobody needs, such as a state dict's. */
  build(): void {
    this.pop();
    const target = this.top();
    const kind = kindOf(target);
    if (kind !== "dict" && kind !== "opaque") throw this.#refuse("set the state of", target);
  }

  /** Replaces a persistent id by the storage that it names. */
  storage(): void {
    const id = this.pop();
    const items = typeof id === "object" && id?.kind === "tuple" ? id.items : [id];
    const storage = this.#findStorage(items);
    if (storage === undefined) {
      throw this.cursor.error(
        `its pickle names a storage by ${items.map(describeValue).join(", ")}, expected ` +
          '"storage", a storage class, a key, a place and a count',
      );
    }
    this.pushNew(storage);
  }

  /** Keeps the topmost value under a number; the next free one unless given. */
  memoize(index: number = this.#memo.length + this.#scattered.size): void {
    const value = this.top();
    if (index < this.#memo.length) this.#memo[index] = value;
    else if (index === this.#memo.length && this.#scattered.size === 0) this.#memo.push(value);
    else this.#scattered.set(index, value);
    if (this.#memo.length + this.#scattered.size <= MAX_MEMO) return;
    throw this.cursor.error(`its pickle keeps more than ${MAX_MEMO} values`, "unsafe-pickle");
  }

  /** Puts a kept value on the stack again. */
  recall(index: number): void {
    const value = index < this.#memo.length ? this.#memo[index] : this.#scattered.get(index);
    if (value === undefined) {
      throw this.cursor.error(`its pickle recalls value ${index}, which it has not kept`);
    }
    this.push(value);
  }

  /** Ends the pickle. */
  finish(): PickleValue {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) {
      throw this.cursor.error(`its pickle leaves ${this.#stack.length} values behind`);
    }
    return value;
  }

  /** Counts work against the bound. */
  charge(moves: number): void {
    this.#moves += moves;
    if (this.#moves > MAX_MOVES) {
      throw this.cursor.error(`its pickle moves more than ${MAX_MOVES} values`, "unsafe-pickle");
    }
  }

  #chargeArgument(arg: PickleValue): void {
    if (!isContainer(arg)) return;
    this.charge(sizeOf(arg));
    // Calls look one level further into tuples: the arguments of a wrapped call.
    if (arg.kind !== "tuple") return;
    for (const item of arg.items) if (isContainer(item)) this.charge(sizeOf(item));
  }

  #depthOver(before: number, items: readonly PickleValue[]): number {
    let depth = Math.max(before, 1);
    for (const item of items) if (isContainer(item)) depth = Math.max(depth, item.depth + 1);
    if (depth > MAX_DEPTH) throw this.#tooDeep();
    return depth;
  }

  #checkKey(key: PickleValue): void {
    const kind = kindOf(key);
    if (kind === "list" || kind === "dict") throw this.#refuse("use as a key", key);
  }

  #tooDeep() {
    return this.cursor.error(
      `its pickle nests values more than ${MAX_DEPTH} deep`,
      "unsafe-pickle",
    );
  }

  #refuse(action: string, value: PickleValue) {
    return this.cursor.error(`its pickle would ${action} ${describeValue(value)}`, "unsafe-pickle");
  }

  #wrongArguments({ name }: PickleGlobal) {
    return this.cursor.error(`its pickle calls ${name} with arguments that do not fit`);
  }
}

function sizeOf(value: PickleContainer): number {
  return value.kind === "dict" ? (value as PickleDict).entries?.size ?? 0 : value.items.length;
}
