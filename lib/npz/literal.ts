/**
 * Reads the Python literals that NumPy writes in its headers; nothing is evaluated.
 *
 * @module
 */

/** A literal: text, a whole number, True, False, None, a tuple or list, or a dict. */
export type Literal = string | number | boolean | null | readonly Literal[] | LiteralDict;

/** A dict literal whose keys are strings. */
export type LiteralDict = ReadonlyMap<string, Literal>;

/** Thrown for text that is no such literal. */
export class LiteralError extends SyntaxError {
  /** The class's name. */
  override name = "LiteralError";
}

const MAX_DEPTH = 16;
const WORDS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ["True", true],
  ["False", false],
  ["None", null],
]);

/**
 * Parses one literal.
 *
 * @param text The literal, with white space around it.
 * @returns Its value; tuples and lists are arrays, dicts are maps.
 * @throws {LiteralError} when the text is anything else.
 */
export function parseLiteral(text: string): Literal {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Literal {
    if (depth > MAX_DEPTH) throw this.#error(`nesting deeper than ${MAX_DEPTH}`);
    const next = this.#peek();
    if (next === "{") return this.#dict(depth);
    if (next === "(") return this.#items(")", depth);
    if (next === "[") return this.#items("]", depth);
    if (next === "'" || next === '"') return this.#string(next);
    const word = this.#match(/[A-Za-z]+/y);
    if (word !== undefined) {
      const value = WORDS.get(word);
      if (value === undefined) throw this.#error(`the name ${word}`);
      return value;
    }
    // Python 2 marked long integers with an L.
    const digits = this.#match(/-?\d{1,16}L?/y);
    const number = digits === undefined ? NaN : parseInt(digits, 10);
    if (!Number.isSafeInteger(number)) throw this.#error("no literal");
    return number;
  }

  end(): void {
    if (this.#peek() !== "") throw this.#error("more text");
  }

  #dict(depth: number): LiteralDict {
    const dict = new Map<string, Literal>();
    this.#expect("{");
    while (this.#peek() !== "}") {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw this.#error("a key that is no string");
      if (dict.has(key)) throw this.#error("a key for the second time");
      this.#expect(":");
      dict.set(key, this.value(depth + 1));
      if (this.#peek() === "}") break;
      this.#expect(",");
    }
    this.#expect("}");
    return dict;
  }

  #items(close: string, depth: number): Literal[] {
    const items: Literal[] = [];
    this.#at++;
    while (this.#peek() !== close) {
      items.push(this.value(depth + 1));
      if (this.#peek() === close) break;
      this.#expect(",");
    }
    this.#expect(close);
    return items;
  }

  #string(quote: string): string {
    const end = this.#text.indexOf(quote, this.#at + 1);
    const text = end < 0 ? "\\" : this.#text.slice(this.#at + 1, end);
    if (/[\\\n]/.test(text)) throw this.#error("a string with escapes, or without an end");
    this.#at = end + 1;
    return text;
  }

  /** The next character that is no white space; "" at the end. */
  #peek(): string {
    this.#match(/[ \t\n]*/y);
    return this.#text.charAt(this.#at);
  }

  #expect(character: string): void {
    if (this.#peek() !== character) throw this.#error(`no ${character}`);
    this.#at++;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #error(found: string): LiteralError {
    return new LiteralError(`Cannot read a literal: found ${found} at character ${this.#at}`);
  }
}
