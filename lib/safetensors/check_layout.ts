/**
 * The rules about tensors among each other and against the file: they tile the data section.
 *
 * @module
 */

import { type Dtype, DTYPES } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { bitLength, formatShape } from "../tensor/shape.ts";
import type { Findings } from "./findings.ts";
import type { HeaderTensor } from "./header.ts";
import type { RawTensor, Uint64 } from "./parse_header.ts";

/** A tensor whose range is known; dtype or shape may still be unusable. */
type PlacedTensor = RawTensor & { readonly offsets: readonly [begin: Uint64, end: Uint64] };

/**
 * Checks the tensors in the order of their bytes: ranges without hole or overlap, sizes that
 * match shape and dtype, an end where the file ends.
 *
 * @param raw The entries in the order of the header's text.
 * @param dataLength Length of the data section, in bytes.
 * @param findings Takes every fault and warning.
 * @returns The tensors in the order of their bytes; incomplete after a fault.
 */
export function checkLayout(
  raw: readonly RawTensor[],
  dataLength: number,
  findings: Findings,
): Map<string, HeaderTensor> {
  const tensors = new Map<string, HeaderTensor>();
  const placed = raw.filter((tensor): tensor is PlacedTensor => tensor.offsets !== undefined);
  placed.sort(({ offsets: a }, { offsets: b }) => compare(a[0], b[0]) || compare(a[1], b[1]));
  // Where a range is unknown, holes mean nothing and only the sizes can be checked.
  const isComplete = placed.length === raw.length;
  let before: PlacedTensor | undefined;
  let next: Uint64 = 0;
  for (const tensor of placed) {
    const [begin, end] = tensor.offsets;
    if (isComplete && (begin !== next || end < begin)) {
      findings.fault("invalid-offset", describeOffsets(tensor, before, next), tensor.name);
    }
    const checked = checkSize(tensor, findings);
    if (checked) tensors.set(tensor.name, checked);
    if (end > next || before === undefined) [before, next] = [tensor, end];
    else if (end === next) before = tensor;
  }
  if (isComplete && next !== dataLength) {
    findings.fault("metadata-incomplete-buffer", describeEnd(next, dataLength));
  }
  return tensors;
}

function compare(a: Uint64, b: Uint64): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function describeOffsets(
  { offsets: [begin, end] }: PlacedTensor,
  before: PlacedTensor | undefined,
  next: Uint64,
): string {
  const found = `its data_offsets are [${begin}, ${end}]`;
  if (end < begin) return `${found}, expected an end not before the beginning`;
  if (before === undefined) return `${found}, expected to begin at 0: a hole`;
  const neighbour = `tensor ${quote(before.name)} at [${before.offsets.join(", ")}]`;
  const isSame = begin === before.offsets[0] && end === before.offsets[1];
  const kind = isSame ? "the same bytes" : begin > next ? "a hole" : "an overlap";
  return `${found}, expected to begin at ${next}, behind ${neighbour}: ${kind}`;
}

function describeEnd(end: Uint64, dataLength: number): string {
  const difference = BigInt(end) - BigInt(dataLength);
  const found = difference > 0n
    ? `truncated: ${difference} bytes missing`
    : `${-difference} bytes after the last tensor`;
  return `${found}, expected ${end} bytes of data, found ${dataLength}`;
}

/** Checks one tensor by itself; undefined when it is faulty or was not readable to begin with. */
function checkSize(tensor: PlacedTensor, findings: Findings): HeaderTensor | undefined {
  const { name, dtype, shape, offsets: [begin, end] } = tensor;
  if (dtype === undefined || shape === undefined) return undefined;
  const what = `${dtype} ${formatShape(shape)}`;
  const bits = bitLength(dtype, shape);
  if (bits === undefined) {
    findings.fault("validation-overflow", `the size of ${what} overflows 64 bits`, name);
    return undefined;
  }
  if (bits % 8n !== 0n) {
    const elements = bits / BigInt(DTYPES[dtype].bits);
    findings.fault(
      "misaligned-slice",
      `found ${elements} elements for ${what}, expected a whole number of bytes`,
      name,
    );
    return undefined;
  }
  const found = BigInt(end) - BigInt(begin);
  if (found !== bits / 8n) {
    findings.fault(
      "tensor-invalid-info",
      `its data_offsets [${begin}, ${end}] span ${found} bytes, expected ${bits / 8n} for ${what}`,
      name,
    );
    return undefined;
  }
  const isSafe = (size: Uint64) => typeof size === "number";
  if (!shape.every(isSafe) || !isSafe(begin) || !isSafe(end)) {
    const message = `found ${what} at [${begin}, ${end}], expected no number over 2^53 - 1`;
    findings.fault("dimension-too-large", message, name);
    return undefined;
  }
  warnAboutAlignment(name, dtype, begin, end, findings);
  return { dtype, shape, dataOffsets: [begin, end] };
}

function warnAboutAlignment(
  name: string,
  dtype: Dtype,
  begin: number,
  end: number,
  findings: Findings,
): void {
  const width = Math.max(1, DTYPES[dtype].bits / 8);
  // Sub-byte elements are packed: they start on any byte.
  if (end > begin && Number.isInteger(width) && begin % width !== 0) {
    findings.warn(
      "unaligned-tensor",
      `Tensor ${
        quote(name)
      } begins at byte ${begin} of the data, expected a multiple of ${width} ` +
        `for ${dtype}: some loaders fail on it`,
      name,
    );
  }
}
