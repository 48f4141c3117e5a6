/**
 * Planned tensors of another dtype than their source: read, cast and written piece by piece.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { type CastTally, TensorCast } from "../tensor/cast.ts";
import { type CastDtype, isCastSource } from "../tensor/cast_dtypes.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { chunkBuffer, PIECE_BYTES } from "./chunks.ts";
import type { TensorEntry } from "./open.ts";
import type { TensorStep } from "./plan.ts";

/** One tensor that is cast, and what that did to it. */
export interface CastReport {
  /** The tensor's name in the output. */
  readonly name: string;
  /** Its dtype in the input. */
  readonly from: Dtype;
  /** Its dtype in the output. */
  readonly to: CastDtype;
  /** What the cast lost; `undefined` until the tensor has been written. */
  tally: Readonly<CastTally> | undefined;
}

/** Casts for one plan; they share one buffer. */
export class Casts {
  /** One entry for each tensor, in the order in which they were planned. */
  readonly reports: CastReport[] = [];
  readonly #saturate: boolean;
  #buffer: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Creates an empty list.
   *
   * @param options Whether to clamp what a dtype cannot hold, rather than to refuse it.
   */
  constructor(options: { readonly saturate: boolean }) {
    this.#saturate = options.saturate;
  }

  /**
   * Plans one cast. Carrying it out fails with `value-out-of-range` when a value has no place in
   * the dtype, after the tensor's last element, so that the message can count them.
   *
   * @param entry The tensor, of an open checkpoint.
   * @param name Its name in the output.
   * @param to The dtype to cast to.
   * @returns The step.
   * @throws {TinygraftError} with `unsupported-dtype` when the tensor's dtype cannot be cast.
   */
  plan(entry: TensorEntry, name: string, to: CastDtype): TensorStep {
    const { dtype: from, shape, file } = entry;
    if (!isCastSource(from)) {
      throw new TinygraftError(
        `Cannot cast tensor ${quote(entry.name)} of "${file.path}": it is ${from}, expected ` +
          "elements that are single numbers of whole bytes: leave it out with --keep",
        { code: "unsupported-dtype", path: file.path, tensor: entry.name },
      );
    }
    const report: CastReport = { name, from, to, tally: undefined };
    this.reports.push(report);
    const where = name === entry.name ? file.path : `${file.path}: ${entry.name}`;
    return {
      kind: "stream",
      name,
      dtype: to,
      shape,
      chunks: () => this.#run(entry, report),
      origin: `${where}, cast from ${from}`,
    };
  }

  async *#run(entry: TensorEntry, report: CastReport): AsyncGenerator<Uint8Array> {
    const { from, to } = report;
    const cast = new TensorCast(from, to, { saturate: this.#saturate });
    const buffer = this.#buffer ??= chunkBuffer(PIECE_BYTES);
    const { source, header } = entry.file;
    const end = header.dataStart + entry.dataOffsets[1];
    for (let at = header.dataStart + entry.dataOffsets[0]; at < end; at += buffer.byteLength) {
      const chunk = buffer.subarray(0, Math.min(buffer.byteLength, end - at));
      await source.readInto(at, chunk);
      yield cast.next(chunk);
    }
    report.tally = cast.tally;
    if (cast.refused > 0) throw outOfRange(entry, report, cast);
  }
}

function outOfRange(entry: TensorEntry, { from, to }: CastReport, cast: TensorCast) {
  const { elements, beyond, largest, infinite, nan } = cast.tally;
  const kinds = [
    beyond > 0 ? `${beyond} beyond its range, up to ${Number(largest.toPrecision(4))}` : "",
    infinite > 0 ? `${infinite} infinite` : "",
    nan > 0 ? `${nan} NaN` : "",
  ].filter((kind) => kind !== "");
  const remedy = nan > 0 ? "choose a float dtype" : "clamp them with --saturate";
  return new TinygraftError(
    `Cannot cast tensor ${quote(entry.name)} of "${entry.file.path}" from ${from} to ${to}: ` +
      `${cast.refused} of ${elements} values have no place there (${kinds.join("; ")}), expected ` +
      `none: ${remedy}, or let the tensor be with --keep`,
    { code: "value-out-of-range", path: entry.file.path, tensor: entry.name },
  );
}
