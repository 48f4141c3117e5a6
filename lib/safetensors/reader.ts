/**
 * Reads the header of a safetensors file, at least as strictly as the reference implementation.
 *
 * @module
 */

import type { ByteSource } from "../tensor/byte_source.ts";
import { checkLayout } from "./check_layout.ts";
import { Findings } from "./findings.ts";
import { type Finding, type Header, MAX_HEADER_BYTES } from "./header.ts";
import { parseHeader } from "./parse_header.ts";
import { sniff, SNIFF_BYTES } from "./sniff.ts";
import { findInvalidUtf8 } from "./utf8.ts";

/** How to report what is found. */
export interface ReadOptions {
  /** The file's path, for messages and errors. */
  readonly path?: string;
}

/** Everything found about one file. */
export interface SourceReport {
  /** The header; undefined when there is a fault. */
  readonly header: Header | undefined;
  /** What makes the file unreadable, in the order of the rules; empty for a valid file. */
  readonly faults: Finding[];
  /** What is allowed but should not be. */
  readonly warnings: Finding[];
}

/**
 * Reads and checks the header of a safetensors file. No tensor data is read, and nothing is
 * allocated for a header longer than the cap or the file.
 *
 * The rules, in order: the file has eight bytes; the header's length is within the cap and the
 * file; the header is UTF-8 and one JSON object of the right types without duplicate keys; then
 * for each tensor in the order of its bytes: it begins where the one before ends, its size
 * overflows nothing, is a whole number of bytes and is that of its shape and dtype; and the last
 * tensor ends with the file.
 *
 * @param source The file's bytes; stays open.
 * @param options The path to name in errors.
 * @returns The header, its tensors in the order of their bytes.
 * @throws {SafetensorsError} with the code of the first rule that the file breaks.
 *
 * @example A file in memory
 * ```ts
 * import { MemorySource, readHeader, serialize } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const file = serialize([
 *   { name: "w", dtype: "F32", shape: [2], data: new Uint8Array(8) },
 * ]);
 * const header = await readHeader(new MemorySource(file));
 * assertEquals(header.tensors.get("w"), { dtype: "F32", shape: [2], dataOffsets: [0, 8] });
 * ```
 */
export async function readHeader(source: ByteSource, options: ReadOptions = {}): Promise<Header> {
  const findings = new Findings(options.path);
  const header = await inspect(source, findings);
  if (header === undefined || findings.isFaulty) throw findings.toError(options.path);
  return header;
}

/**
 * Checks a safetensors file's header and lists every fault and warning instead of throwing.
 *
 * @param source The file's bytes; stays open.
 * @param options The path to name in messages.
 * @returns The header when there is no fault, and all findings (of each kind at most 1,000 and
 * one entry that counts the rest).
 * @throws {TinygraftError} when the source itself cannot be read.
 *
 * @example A file that is too short
 * ```ts
 * import { checkSource, MemorySource } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const { faults } = await checkSource(new MemorySource(new Uint8Array(3)));
 * assertEquals(faults.map(({ code }) => code), ["header-too-small"]);
 * ```
 */
export async function checkSource(
  source: ByteSource,
  options: ReadOptions = {},
): Promise<SourceReport> {
  const findings = new Findings(options.path);
  const header = await inspect(source, findings);
  const { faults, warnings } = findings;
  return { header: findings.isFaulty ? undefined : header, faults, warnings };
}

async function inspect(source: ByteSource, findings: Findings): Promise<Header | undefined> {
  const headerLength = await readHeaderLength(source, findings);
  const raw = headerLength === undefined
    ? undefined
    : parseHeaderBytes(await source.read(8, 8 + headerLength), findings);
  if (findings.isFaulty) {
    const hint = sniff(await source.read(0, Math.min(SNIFF_BYTES, source.byteLength)));
    if (hint !== undefined) findings.explain(hint);
  }
  if (headerLength === undefined || raw === undefined) return undefined;
  const dataStart = 8 + headerLength;
  const tensors = checkLayout(raw.tensors, source.byteLength - dataStart, findings);
  return { tensors, metadata: raw.metadata, headerLength, dataStart };
}

/** Reads the eight length bytes and checks them, in bigint, before anything is allocated. */
async function readHeaderLength(
  source: ByteSource,
  findings: Findings,
): Promise<number | undefined> {
  const { byteLength } = source;
  if (byteLength < 8) {
    findings.fault("header-too-small", `the file has ${byteLength} bytes, expected at least 8`);
    return undefined;
  }
  const length = new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    findings.fault(
      "header-too-large",
      `its header length is ${length} bytes, expected at most ${MAX_HEADER_BYTES}, the format's ` +
        "cap, which a few real files with over a million tensors exceed",
    );
    return undefined;
  }
  if (8n + length > byteLength) {
    findings.fault(
      "invalid-header-length",
      `its header would end at byte ${8n + length}, but the file has ${byteLength} bytes: it may ` +
        "be truncated, so download or copy it anew",
    );
    return undefined;
  }
  if (length % 8n !== 0n) {
    const message = `The header has ${length} bytes, expected a multiple of 8 for aligned data`;
    findings.warn("unaligned-header", message);
  }
  return Number(length);
}

function parseHeaderBytes(bytes: Uint8Array, findings: Findings) {
  let text;
  try {
    // Without ignoreBOM a byte order mark would vanish silently.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const at = findInvalidUtf8(bytes);
    if (!(cause instanceof TypeError) || at < 0) throw cause;
    findings.fault("invalid-header", `its header is not UTF-8 at byte ${8 + at} of the file`);
    return undefined;
  }
  return parseHeader(text, findings);
}
