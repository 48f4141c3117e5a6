/**
 * The header's text to raw entries: everything that JSON and the entries' types can get wrong.
 *
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import { type Dtype, DTYPES, isDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import type { Findings } from "./findings.ts";
import { METADATA_KEY, type WarningCode } from "./header.ts";
import { byteLength, JsonCursor, JsonFault } from "./json.ts";

/** An integer from 0 to 2^64 - 1, as bigint where it is over 2^53 - 1. */
export type Uint64 = number | bigint;

/** A tensor's entry as it stands, not yet checked against the others and the file. */
export interface RawTensor {
  /** The name, unescaped. */
  readonly name: string;
  /** The dtype; undefined when it is unusable. */
  readonly dtype: Dtype | undefined;
  /** The shape; undefined when it is unusable. */
  readonly shape: readonly Uint64[] | undefined;
  /** The range in bytes from the start of the data section; undefined when it is unusable. */
  readonly offsets: readonly [begin: Uint64, end: Uint64] | undefined;
}

/** The entries of a header in the order of the text. */
export interface RawHeader {
  /** The tensors, duplicate names included. */
  readonly tensors: readonly RawTensor[];
  /** The string map `__metadata__`; empty when absent. */
  readonly metadata: ReadonlyMap<string, string>;
}

const FIELDS = ["dtype", "shape", "data_offsets"] as const;
const UNSIGNED_INTEGER = /^(?:0|[1-9][0-9]{0,19})$/; // 2^64 - 1 has twenty digits
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Parses the header's text.
 *
 * @param text The JSON with its padding.
 * @param findings Takes every fault and warning, in the order of the text.
 * @returns The entries, or undefined when the text is not JSON and not all could be read.
 */
export function parseHeader(text: string, findings: Findings): RawHeader | undefined {
  warnAboutSpace(text, findings);
  try {
    return new HeaderParser(text, findings).parse();
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    findings.fault(
      fault.isDuplicate ? "duplicate-key" : "invalid-header-deserialization",
      `in its header, ${fault.message} at byte ${
        8 + byteLength(text.slice(0, fault.at))
      } of the file`,
    );
    return undefined;
  }
}

function warnAboutSpace(text: string, findings: Findings): void {
  if (/^[\t\n\r ]/.test(text)) {
    findings.warn("header-whitespace", 'The header starts with white space, expected "{"');
  }
  const end = text.lastIndexOf("}") + 1;
  if (/^[\t\n\r ]*[\t\n\r]/.test(text.slice(end))) {
    findings.warn("header-whitespace", "The header is padded with other than spaces");
  }
}

class HeaderParser {
  readonly #text: string;
  readonly #findings: Findings;
  readonly #cursor: JsonCursor;
  readonly #tensors: RawTensor[] = [];
  readonly #metadata = new Map<string, string>();
  /** The member of the header that is being read. */
  #member: string | undefined;
  /** How far the text's bytes are counted. Faults come in the order of the text. */
  #countedUnits = 0;
  /** Bytes of the file up to there, the eight length bytes included. */
  #countedBytes = 8;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
    this.#cursor = new JsonCursor(text, (key, at) => this.#reportDuplicate(key, at));
  }

  parse(): RawHeader {
    if (this.#expect("object", "the header")) {
      this.#cursor.object((key) => {
        this.#member = key;
        if (key === METADATA_KEY) this.#readMetadata();
        else this.#readTensor(key);
        this.#member = undefined;
      });
    }
    this.#cursor.end();
    return { tensors: this.#tensors, metadata: this.#metadata };
  }

  #readMetadata(): void {
    if (!this.#expect("object", METADATA_KEY, { orNull: true })) return;
    this.#cursor.object((key) => {
      if (this.#expect("string", `the metadata value of ${quote(key)}`)) {
        this.#metadata.set(key, this.#cursor.string());
      }
    });
  }

  #readTensor(name: string): void {
    if (name === "") this.#warn("empty-tensor-name", "A tensor has the empty name");
    if (name.includes("\0")) {
      this.#warn("nul-in-tensor-name", `The tensor name ${quote(name)} holds U+0000`);
    }
    const entry: { -readonly [field in keyof RawTensor]: RawTensor[field] } = {
      name,
      dtype: undefined,
      shape: undefined,
      offsets: undefined,
    };
    const seen: string[] = [];
    this.#tensors.push(entry);
    if (!this.#expect("object", "its entry")) return;
    this.#cursor.object((field) => {
      switch (field) {
        case "dtype":
          entry.dtype = this.#readDtype();
          break;
        case "shape":
          entry.shape = this.#readIntegers("shape");
          break;
        case "data_offsets":
          entry.offsets = this.#readOffsets();
          break;
        default:
          this.#warn(
            "unknown-header-key",
            `The entry of tensor ${quote(name)} has the unknown key ${quote(field)}: ` +
              "it is ignored and not carried on",
          );
          return this.#cursor.skip();
      }
      seen.push(field);
    });
    for (const field of FIELDS) {
      if (seen.includes(field)) continue;
      this.#fault("invalid-header-deserialization", `its entry has no "${field}"`);
    }
  }

  #readDtype(): Dtype | undefined {
    if (!this.#expect("string", "dtype")) return undefined;
    const at = this.#cursor.at;
    const dtype = this.#cursor.string();
    if (isDtype(dtype)) return dtype;
    const known = Object.keys(DTYPES).join(", ");
    this.#fault("unknown-dtype", `found dtype ${quote(dtype)}, expected one of ${known}`, at);
    return undefined;
  }

  #readOffsets(): readonly [Uint64, Uint64] | undefined {
    const at = this.#cursor.at;
    const offsets = this.#readIntegers("data_offsets");
    if (offsets === undefined) return undefined;
    const [begin, end] = offsets;
    if (offsets.length === 2 && begin !== undefined && end !== undefined) return [begin, end];
    this.#fault(
      "invalid-header-deserialization",
      `data_offsets has ${offsets.length} values, expected 2`,
      at,
    );
    return undefined;
  }

  /** Reads an array of integers from their tokens; undefined after a fault. */
  #readIntegers(field: string): readonly Uint64[] | undefined {
    if (!this.#expect("array", field)) return undefined;
    const integers: Uint64[] = [];
    let isUsable = true;
    this.#cursor.array(() => {
      if (!this.#expect("number", `each value of ${field}`)) {
        isUsable = false;
        return;
      }
      const at = this.#cursor.at;
      const token = this.#cursor.numberToken();
      const integer = parseUint64(token);
      if (integer !== undefined) {
        integers.push(integer);
        return;
      }
      isUsable = false;
      this.#fault(
        "invalid-header-deserialization",
        `found ${quote(token)} in ${field}, expected integers from 0 to 2^64 - 1`,
        at,
      );
    });
    return isUsable ? integers : undefined;
  }

  /** Whether the next value is of the wanted kind; if not, reports and skips it. */
  #expect(
    wanted: "object" | "array" | "string" | "number",
    what: string,
    { orNull = false } = {},
  ): boolean {
    const kind = this.#cursor.kind();
    if (kind === wanted) return true;
    const at = this.#cursor.at;
    const literal = kind === "literal" ? this.#cursor.literal() : this.#cursor.skip();
    if (orNull && literal === null) {
      this.#findings.warn("null-metadata", `${what} is null: it is read as absent`);
      return false;
    }
    this.#fault(
      "invalid-header-deserialization",
      `found ${
        kind === "literal" ? literal : `a JSON ${kind}`
      } for ${what}, expected a JSON ${wanted}`,
      at,
    );
    return false;
  }

  #reportDuplicate(key: string, at: number): void {
    const what = this.#member === undefined ? "name" : "key";
    const message = `found the ${what} ${quote(key)} twice, expected it once`;
    this.#fault("duplicate-key", message, at, this.#member ?? key);
  }

  #fault(code: ErrorCode, message: string, at?: number, member = this.#member): void {
    const place = at === undefined ? "" : ` at byte ${this.#bytePosition(at)} of the file`;
    this.#findings.fault(code, message + place, member === METADATA_KEY ? undefined : member);
  }

  /** Counts on from the fault before: a header can hold a million. */
  #bytePosition(at: number): number {
    this.#countedBytes += byteLength(this.#text.slice(this.#countedUnits, at));
    this.#countedUnits = at;
    return this.#countedBytes;
  }

  #warn(code: WarningCode, message: string): void {
    this.#findings.warn(code, message, this.#member);
  }
}

function parseUint64(token: string): Uint64 | undefined {
  if (!UNSIGNED_INTEGER.test(token)) return undefined;
  const integer = Number(token);
  if (Number.isSafeInteger(integer)) return integer;
  const exact = BigInt(token);
  return exact <= MAX_UINT64 ? exact : undefined;
}
