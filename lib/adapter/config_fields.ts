/**
 * Typed reading of one JSON object of `adapter_config.json`, collecting every fault.
 *
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import { MAX_LAYERS } from "../model/config.ts";
import { isObject } from "../safetensors/json_objects.ts";
import { quote } from "../tensor/quote.ts";

/** Reads keys of one JSON object; what is wrong becomes a fault, and the value a stand-in. */
export class ConfigFields {
  /** Everything wrong so far; shared with the objects inside. */
  readonly faults: { readonly code: ErrorCode; readonly message: string }[];
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #action: string;
  readonly #prefix: string;
  readonly #known = new Set<string>();

  /**
   * Creates the reader.
   *
   * @param json The object.
   * @param action What fails, as messages begin: `Cannot read "a/adapter_config.json"`.
   * @param prefix What stands before a key in messages, such as `task.`.
   * @param faults Where faults go.
   */
  constructor(
    json: Readonly<Record<string, unknown>>,
    action: string,
    prefix = "",
    faults: { code: ErrorCode; message: string }[] = [],
  ) {
    this.#json = json;
    this.#action = action;
    this.#prefix = prefix;
    this.faults = faults;
  }

  /** Records that `key` is at fault; `what` goes on from the key's name. */
  fault(key: string, what: string): void {
    this.faults.push({
      code: "invalid-adapter-config",
      message: `${this.#action}: ${this.#prefix}${key} ${what}`,
    });
  }

  /** A whole number of at least 1. */
  count(key: string): number {
    return this.#read(key, isCount, "a whole number of at least 1", 1);
  }

  /** The number of layers: capped, since a table is made with so many entries. */
  layerCount(key: string): number {
    const isLayerCount = (value: unknown): value is number => isCount(value) && value <= MAX_LAYERS;
    return this.#read(key, isLayerCount, `a whole number from 1 to ${MAX_LAYERS}`, 1);
  }

  /** A whole number of at least 1, or a list with one such number a layer. */
  counts(key: string, layers: number): number | number[] {
    const isCounts = (value: unknown): value is number | number[] =>
      isCount(value) ||
      (Array.isArray(value) && value.length === layers && value.every(isCount));
    return this.#read(
      key,
      isCounts,
      `a whole number of at least 1, or a list of ${layers} of them, one a layer`,
      1,
    );
  }

  /** A number above 0. */
  positive(key: string): number {
    const isPositive = (value: unknown): value is number => isFinite(value) && value > 0;
    return this.#read(key, isPositive, "a number above 0", 1);
  }

  /** Any finite number. */
  finite(key: string): number {
    return this.#read(key, isFinite, "a number", 0);
  }

  /** A string that is not empty. */
  text(key: string): string {
    return this.#read(key, isText, "a string that is not empty", "");
  }

  /** A string that is not empty; `undefined` where the key is absent. */
  optionalText(key: string): string | undefined {
    return this.#has(key) ? this.text(key) : undefined;
  }

  /** A string; `null` where it is that or absent. */
  nullableText(key: string): string | null {
    const isNullableText = (value: unknown): value is string | null =>
      value === null || typeof value === "string";
    return this.#has(key) ? this.#read(key, isNullableText, "a string or null", null) : null;
  }

  /** A sha256 in lower-case hexadecimal digits. */
  hash(key: string): string {
    return this.#read(key, isHash, "64 lower-case hexadecimal digits", "");
  }

  /** A sha256; `null` where it is that or absent. */
  nullableHash(key: string): string | null {
    const isNullableHash = (value: unknown): value is string | null =>
      value === null || isHash(value);
    const expected = "64 lower-case hexadecimal digits or null";
    return this.#has(key) ? this.#read(key, isNullableHash, expected, null) : null;
  }

  /** Distinct label names, or `null`. */
  nullableLabels(key: string): string[] | null {
    const isLabels = (value: unknown): value is string[] | null =>
      value === null ||
      (Array.isArray(value) && value.length > 0 && value.every(isText) &&
        new Set(value).size === value.length);
    return this.#read(key, isLabels, "a list of distinct names or null", null);
  }

  /** One of the given spellings. */
  oneOf<const T extends string>(key: string, choices: readonly [T, ...T[]]): T {
    const isChoice = (value: unknown): value is T => choices.some((choice) => choice === value);
    const expected = choices.map((choice) => JSON.stringify(choice)).join(" or ");
    return this.#read(key, isChoice, `${expected}, which is what is supported`, choices[0]);
  }

  /** An object, as a reader of its own. */
  object(key: string): ConfigFields {
    return this.#inside(this.#read(key, isObject, "an object", {}), key);
  }

  /** A list of objects, as readers of their own; `undefined` where the key is absent. */
  optionalObjects(key: string): ConfigFields[] | undefined {
    if (!this.#has(key)) return undefined;
    const isObjects = (value: unknown): value is Record<string, unknown>[] =>
      Array.isArray(value) && value.every(isObject);
    const list = this.#read(key, isObjects, "a list of objects", []);
    return list.map((json, i) => this.#inside(json, `${key}[${i}]`));
  }

  /** The keys that were not asked for, and are not in `handled`, with their values. */
  rest(handled: readonly string[]): Map<string, unknown> {
    const entries = Object.entries(this.#json);
    return new Map(entries.filter(([key]) => !this.#known.has(key) && !handled.includes(key)));
  }

  #has(key: string): boolean {
    this.#known.add(key);
    return Object.hasOwn(this.#json, key);
  }

  #inside(json: Record<string, unknown>, key: string): ConfigFields {
    return new ConfigFields(json, this.#action, `${this.#prefix}${key}.`, this.faults);
  }

  #read<T>(
    key: string,
    accepts: (value: unknown) => value is T,
    expected: string,
    standIn: T,
  ): T {
    const value = this.#has(key) ? this.#json[key] : undefined;
    if (accepts(value)) return value;
    const found = value === undefined ? "is missing" : `is ${excerpt(value)}`;
    this.fault(key, `${found}, expected ${expected}`);
    return standIn;
  }
}

/** The value as JSON, cut where it is long. */
function excerpt(value: unknown): string {
  if (typeof value === "string") return quote(value);
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
