/**
 * How much the values of two tensors differ, taken in block by block.
 *
 * @module
 */

import { subtractInt64 } from "./int64.ts";
import { alignedBytes, type NumberReader } from "./numbers.ts";
import { dotOf } from "./sums.ts";
import { compareBits, sameBytes } from "./ulp.ts";

/** How much the values of tensor b differ from those of tensor a. */
export interface ValueDifference {
  /** Elements that differ: in their bits, or, where the dtypes differ, as numbers. */
  readonly differing: number;
  /** Elements further apart than the tolerance allows. */
  readonly outside: number;
  /** Pairs of which one is NaN or infinite and the other is not the same; no measure takes them. */
  readonly nonFinite: number;
  /** The largest `|b - a|` of two finite elements. */
  readonly maxAbs: number;
  /**
   * Euclidean norm of `b - a`, divided by that of `a`; `null` where `a` is all 0 and `b` not, and
   * where squares leave the range of an f64.
   */
  readonly relativeL2: number | null;
  /** Cosine of the angle between `a` and `b`; `null` where either is all 0 or beyond range. */
  readonly cosine: number | null;
  /** Most units in the last place; `null` for integers and where the dtypes differ. */
  readonly maxUlps: number | null;
}

/** What still counts as the same: `|b - a| <= atol + rtol * |a|`. */
export interface DifferenceTolerance {
  /** The part relative to the first tensor's element. */
  readonly rtol: number;
  /** The absolute part. */
  readonly atol: number;
}

/** Elements taken in at once: their f64 forms stay in the processor's cache. */
const BLOCK_ELEMENTS = 8192;

/** Compares two tensors of as many elements; holds nothing of them but sums. */
export class DifferenceMeter {
  readonly #a: NumberReader;
  readonly #b: NumberReader;
  readonly #tolerance: DifferenceTolerance;
  readonly #scratch = Array.from({ length: 3 }, () => new Float64Array(BLOCK_ELEMENTS));
  #differing = 0;
  #outside = 0;
  #nonFinite = 0;
  #maxAbs = 0;
  #maxUlps: number | null = null;
  // Sums of squares of b - a, a and b, and of products of a and b.
  #dd = 0;
  #aa = 0;
  #bb = 0;
  #ab = 0;

  /**
   * Creates the meter.
   *
   * @param a How the first tensor is read.
   * @param b How the second is read; of another dtype, it is compared by value.
   * @param tolerance What counts as the same in `outside`.
   */
  constructor(a: NumberReader, b: NumberReader, tolerance: DifferenceTolerance) {
    this.#a = a;
    this.#b = b;
    this.#tolerance = tolerance;
    // Of no elements: 0 for floats, nothing for integers.
    if (this.#sameDtype) this.#addBits(new Uint8Array(), new Uint8Array());
  }

  /**
   * Takes in the next elements of both.
   *
   * @param a Bytes of whole elements; left unchanged.
   * @param b Bytes of as many elements; left unchanged.
   */
  add(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): void {
    const widthA = this.#a.bytesPerElement;
    const widthB = this.#b.bytesPerElement;
    const count = a.byteLength / widthA;
    for (let at = 0; at < count; at += BLOCK_ELEMENTS) {
      const end = Math.min(at + BLOCK_ELEMENTS, count);
      this.#addBlock(
        a.subarray(at * widthA, end * widthA),
        b.subarray(at * widthB, end * widthB),
      );
    }
  }

  /** The difference of all elements taken in so far. */
  result(): ValueDifference {
    return {
      differing: this.#differing,
      outside: this.#outside,
      nonFinite: this.#nonFinite,
      maxAbs: this.#maxAbs,
      relativeL2: this.#relativeL2(),
      cosine: this.#cosine(),
      maxUlps: this.#maxUlps,
    };
  }

  #relativeL2(): number | null {
    if (this.#maxAbs === 0) return 0; // all zeros included
    return isMeasurable(this.#dd) && isMeasurable(this.#aa) ? Math.sqrt(this.#dd / this.#aa) : null;
  }

  #cosine(): number | null {
    if (!isMeasurable(this.#aa) || !isMeasurable(this.#bb)) return null;
    if (this.#maxAbs === 0) return 1; // whatever the sums round to
    const cosine = this.#ab / (Math.sqrt(this.#aa) * Math.sqrt(this.#bb));
    return Math.min(Math.max(cosine, -1), 1);
  }

  get #sameDtype(): boolean {
    return this.#a.dtype === this.#b.dtype;
  }

  #addBlock(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): void {
    const [scratchA, scratchB, scratchD] = this.#scratch as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const x = this.#a.decode(a, scratchA);
    if (this.#sameDtype && sameBytes(a, b)) return this.#addEqual(x);
    const y = this.#b.decode(b, scratchB);
    const d = scratchD.subarray(0, x.length);
    const { dtype } = this.#a;
    if (this.#sameDtype && (dtype === "I64" || dtype === "U64")) {
      // Neighbours beyond 2^53 are one f64, but their difference is not 0.
      subtractInt64(alignedBytes(a, 4), alignedBytes(b, 4), dtype, d);
    } else {
      for (let i = 0; i < d.length; i++) d[i] = y[i]! - x[i]!;
    }
    this.#addDifferent(x, y, d);
    if (this.#sameDtype) this.#addBits(a, b);
  }

  /** Nothing differs; the sums go on, for the blocks that do. */
  #addEqual(x: Float64Array): void {
    let squares = dotOf(x, x);
    if (!Number.isFinite(squares)) {
      const finite = x.filter(Number.isFinite);
      squares = dotOf(finite, finite);
    }
    this.#aa += squares;
    this.#bb += squares;
    this.#ab += squares;
  }

  #addBits(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): void {
    const { differing, maxUlps } = compareBits(a, b, this.#a.dtype);
    this.#differing += differing;
    if (maxUlps !== undefined) this.#maxUlps = Math.max(this.#maxUlps ?? 0, maxUlps);
  }

  #addDifferent(x: Float64Array, y: Float64Array, d: Float64Array): void {
    let [aa, bb] = [dotOf(x, x), dotOf(y, y)];
    if (!Number.isFinite(aa + bb)) {
      // Rare, so looked for only afterwards: the common loops then have no branch for it.
      const count = this.#dropNonFinite(x, y, d);
      [x, y, d] = [x.subarray(0, count), y.subarray(0, count), d.subarray(0, count)];
      [aa, bb] = [dotOf(x, x), dotOf(y, y)];
    }
    this.#aa += aa;
    this.#bb += bb;
    this.#ab += dotOf(x, y);
    this.#dd += dotOf(d, d);
    this.#addDistances(x, d);
  }

  #addDistances(x: Float64Array, d: Float64Array): void {
    const { rtol, atol } = this.#tolerance;
    let maxAbs = this.#maxAbs;
    let outside = 0;
    let unequal = 0;
    for (let i = 0; i < d.length; i++) {
      const distance = Math.abs(d[i]!);
      if (distance > maxAbs) maxAbs = distance;
      if (distance > atol + rtol * Math.abs(x[i]!)) outside++;
      if (distance !== 0) unequal++;
    }
    this.#maxAbs = maxAbs;
    this.#outside += outside;
    if (!this.#sameDtype) this.#differing += unequal;
  }

  /** Counts pairs that are not both finite, and moves the others to the front. */
  #dropNonFinite(x: Float64Array, y: Float64Array, d: Float64Array): number {
    let count = 0;
    let unlike = 0;
    for (let i = 0; i < d.length; i++) {
      const a = x[i]!;
      const b = y[i]!;
      if (Number.isFinite(a) && Number.isFinite(b)) {
        x[count] = a;
        y[count] = b;
        d[count++] = d[i]!;
      } else if (!Object.is(a, b)) { // else both are NaN, or the same infinity
        unlike++;
      }
    }
    this.#nonFinite += unlike;
    this.#outside += unlike;
    if (!this.#sameDtype) this.#differing += unlike;
    return count;
  }
}

/** Whether a sum of squares is neither that of all zeros nor out of range. */
function isMeasurable(squares: number): boolean {
  return squares > 0 && squares < Infinity;
}
