/**
 * A strict JSON tokenizer. `JSON.parse` hides duplicate keys, rounds large integers, takes `2e0`
 * for an integer and moves integer-like keys to the front, and none of that is safe for headers.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** A parsed value; objects are maps in the order of the text. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>;

/** The kind of the value that a cursor stands before. */
export type JsonKind = "object" | "array" | "string" | "number" | "literal";

/** The deepest nesting that is read, the outermost value being level 1: the reference's limit. */
export const MAX_JSON_DEPTH = 127;

/** A fault in JSON text. */
export class JsonFault extends SyntaxError {
  /** Always "JsonFault". */
  override name = "JsonFault";

  /**
   * Creates the fault.
   *
   * @param message What was found and expected, in the form "found …, expected …".
   * @param at Where, in UTF-16 units from the start of the text.
   * @param isDuplicate Whether the fault is a key that stands twice.
   */
  constructor(message: string, readonly at: number, readonly isDuplicate: boolean = false) {
    super(message);
  }
}

const HEX_ESCAPE = /^[0-9a-fA-F]{4}$/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/**
 * Reads JSON text value by value, without building what the caller does not want.
 *
 * Every method throws a {@linkcode JsonFault} at the first thing that is not JSON. Strings are
 * compared after unescaping; lone surrogate escapes and raw control characters are refused.
 */
export class JsonCursor {
  readonly #text: string;
  readonly #onDuplicate: (key: string, at: number) => void;
  #at = 0;
  #depth = 0;

  /**
   * Creates a cursor at the start of the text.
   *
   * @param text Well-formed text, as decoded from UTF-8.
   * @param onDuplicate Called for a key that stands twice in one object; throws by default.
   */
  constructor(text: string, onDuplicate: (key: string, at: number) => void = refuseDuplicate) {
    this.#text = text;
    this.#onDuplicate = onDuplicate;
  }

  /** Where the cursor stands, in UTF-16 units. */
  get at(): number {
    return this.#at;
  }

  /** Skips white space and tells what kind of value begins, by its first character. */
  kind(): JsonKind {
    this.#skipSpace();
    const character = this.#text[this.#at];
    switch (character) {
      case "{":
        return "object";
      case "[":
        return "array";
      case '"':
        return "string";
      case "t":
      case "f":
      case "n":
        return "literal";
      default:
        if (character !== undefined && /[-0-9]/.test(character)) return "number";
        throw this.#unexpected("a value");
    }
  }

  /**
   * Reads an object.
   *
   * @param visit Called before each value, which it must read; `at` is where the key begins.
   */
  object(visit: (key: string, at: number) => void): void {
    this.#open("{", "an object");
    const keys = new KeySet();
    if (!this.#takes("}")) {
      do {
        this.#skipSpace();
        const at = this.#at;
        const key = this.string();
        if (!keys.add(key)) this.#onDuplicate(key, at);
        if (!this.#takes(":")) throw this.#unexpected('":"');
        visit(key, at);
      } while (this.#takes(","));
      if (!this.#takes("}")) throw this.#unexpected('"," or "}"');
    }
    this.#depth--;
  }

  /**
   * Reads an array.
   *
   * @param visit Called before each value, which it must read.
   */
  array(visit: () => void): void {
    this.#open("[", "an array");
    if (!this.#takes("]")) {
      do visit(); while (this.#takes(","));
      if (!this.#takes("]")) throw this.#unexpected('"," or "]"');
    }
    this.#depth--;
  }

  /** Reads a string and returns it unescaped. */
  string(): string {
    this.#skipSpace();
    if (this.#text[this.#at] !== '"') throw this.#unexpected("a string");
    const start = ++this.#at;
    let unescaped = "";
    let from = start;
    while (true) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === 0x22) break;
      if (unit === 0x5c) {
        unescaped += this.#text.slice(from, this.#at) + this.#escape();
        from = this.#at;
      } else if (unit >= 0x20) {
        this.#at++;
      } else {
        throw this.#unexpected("the rest of a string"); // a raw control character, or the end
      }
    }
    const tail = this.#text.slice(from, this.#at++);
    return from === start ? tail : unescaped + tail;
  }

  /** Reads a number and returns its token as it stands in the text. */
  numberToken(): string {
    this.#skipSpace();
    const token = this.#match(NUMBER, "a number");
    // The reference reader refuses what overflows f64, also in values that it ignores.
    if (!Number.isFinite(Number(token))) {
      throw new JsonFault("found a number out of range", this.#at - token.length);
    }
    return token;
  }

  /** Reads `true`, `false` or `null`. */
  literal(): boolean | null {
    this.#skipSpace();
    const token = this.#match(LITERAL, "true, false or null");
    return token === "null" ? null : token === "true";
  }

  /** Reads any value and builds nothing. */
  skip(): void {
    switch (this.kind()) {
      case "object":
        return this.object(() => this.skip());
      case "array":
        return this.array(() => this.skip());
      case "string":
        return void this.string();
      case "number":
        return void this.numberToken();
      case "literal":
        return void this.literal();
    }
  }

  /** Reads any value. */
  value(): JsonValue {
    switch (this.kind()) {
      case "object": {
        const members = new Map<string, JsonValue>();
        this.object((key) => members.set(key, this.value()));
        return members;
      }
      case "array": {
        const items: JsonValue[] = [];
        this.array(() => items.push(this.value()));
        return items;
      }
      case "string":
        return this.string();
      case "number":
        return Number(this.numberToken());
      case "literal":
        return this.literal();
    }
  }

  /** Makes sure that nothing but white space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected("the end");
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #takes(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #open(bracket: string, what: string): void {
    if (!this.#takes(bracket)) throw this.#unexpected(what);
    if (++this.#depth > MAX_JSON_DEPTH) {
      throw new JsonFault(
        `found more levels of nesting, expected at most ${MAX_JSON_DEPTH}`,
        this.#at - 1,
      );
    }
  }

  #match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token === undefined) throw this.#unexpected(what);
    this.#at += token.length;
    return token;
  }

  /** Reads an escape; a high surrogate must be followed by the escape of a low one. */
  #escape(): string {
    const character = this.#text[this.#at + 1] ?? "";
    if (character !== "u") {
      const meant = ESCAPES.get(character);
      if (meant === undefined) throw this.#unexpected("an escape that JSON knows");
      this.#at += 2;
      return meant;
    }
    const start = this.#at;
    const high = this.#hexEscape();
    if (high < 0xd800 || high > 0xdfff) return String.fromCharCode(high);
    if (high < 0xdc00 && this.#text.startsWith("\\u", this.#at)) {
      const low = this.#hexEscape();
      if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(high, low);
    }
    throw new JsonFault("found the escape of a lone surrogate, expected a pair", start);
  }

  #hexEscape(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!HEX_ESCAPE.test(digits)) throw this.#unexpected("four hexadecimal digits in an escape");
    this.#at += 6;
    return parseInt(digits, 16);
  }

  #unexpected(expected: string): JsonFault {
    const point = this.#text.codePointAt(this.#at);
    const found = point === undefined ? "the end" : quote(String.fromCodePoint(point));
    return new JsonFault(`found ${found}, expected ${expected}`, this.#at);
  }
}

/** The keys of one object; most have a handful, for which a scan is quicker than hashing. */
class KeySet {
  readonly #few: string[] = [];
  #many: Set<string> | undefined;

  /** Adds a key; false when it was there. */
  add(key: string): boolean {
    if (this.#many === undefined) {
      if (this.#few.includes(key)) return false;
      this.#few.push(key);
      if (this.#few.length > 8) this.#many = new Set(this.#few);
      return true;
    }
    const before = this.#many.size;
    return this.#many.add(key).size > before;
  }
}

function refuseDuplicate(key: string, at: number): never {
  throw new JsonFault(`found the key ${quote(key)} twice, expected unique keys`, at, true);
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/** Counts the bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/**
 * Parses JSON text, refusing duplicate keys at every level.
 *
 * @param text The text, without a byte order mark.
 * @returns The value; objects are maps in the order of the text.
 * @throws {TinygraftError} with the byte position when the text is not JSON (`invalid-json`) or
 * a key stands twice in one object (`duplicate-key`).
 *
 * @example Order is kept, also of keys like integers
 * ```ts
 * import { parseJsonStrict } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const value = parseJsonStrict('{"b":1,"0":2}');
 * assertEquals(value, new Map([["b", 1], ["0", 2]]));
 * ```
 */
export function parseJsonStrict(text: string): JsonValue {
  try {
    const cursor = new JsonCursor(text);
    const value = cursor.value();
    cursor.end();
    return value;
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    throw new TinygraftError(
      `Cannot parse JSON: ${fault.message} at byte ${byteLength(text.slice(0, fault.at))}`,
      { code: fault.isDuplicate ? "duplicate-key" : "invalid-json", cause: fault },
    );
  }
}
