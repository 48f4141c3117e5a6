/**
 * Which ranges of a memory are free.
 *
 * @module
 */

/** Ranges begin and end at multiples of this, in bytes: a cache line. */
export const ALIGNMENT = 64;

/** A range of bytes. */
interface Range {
  begin: number;
  end: number;
}

/** Hands out ranges of a memory that grows at its end; first fit, neighbours are joined. */
export class FreeList {
  /** Free ranges in order of address; no two touch. */
  readonly #free: Range[] = [];
  /** Bytes of what is handed out, by its first byte. */
  readonly #taken = new Map<number, number>();

  /** Bytes that are handed out. */
  get takenBytes(): number {
    return [...this.#taken.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Adds a range to what is free: memory that was not there before, or that is given back.
   *
   * @param begin Its first byte.
   * @param end The byte after its last.
   */
  add(begin: number, end: number): void {
    const at = this.#free.findIndex((range) => range.begin >= end);
    const index = at < 0 ? this.#free.length : at;
    const [before, after] = [this.#free[index - 1], this.#free[index]];
    const joins = { before: before?.end === begin, after: after?.begin === end };
    const range = {
      begin: joins.before ? before!.begin : begin,
      end: joins.after ? after!.end : end,
    };
    this.#free.splice(
      index - Number(joins.before),
      Number(joins.before) + Number(joins.after),
      range,
    );
  }

  /**
   * Takes a range.
   *
   * @param bytes How long it is at least.
   * @returns Its first byte, or undefined when no free range is long enough.
   */
  take(bytes: number): number | undefined {
    const length = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const index = this.#free.findIndex(({ begin, end }) => end - begin >= length);
    const range = this.#free[index];
    if (range === undefined) return undefined;
    const { begin } = range;
    range.begin += length;
    if (range.begin === range.end) this.#free.splice(index, 1);
    this.#taken.set(begin, length);
    return begin;
  }

  /**
   * Gives a range back.
   *
   * @param begin Its first byte.
   * @throws {RangeError} When it was not taken.
   */
  give(begin: number): void {
    const length = this.#taken.get(begin);
    if (length === undefined) {
      throw new RangeError(`Cannot free address ${begin}: nothing was taken there`);
    }
    this.#taken.delete(begin);
    this.add(begin, begin + length);
  }

  /**
   * Tells how much the memory must grow for a range.
   *
   * @param bytes The range's length.
   * @param end The memory's end.
   * @returns The bytes that are missing after what is free at the end.
   */
  missing(bytes: number, end: number): number {
    const last = this.#free.at(-1);
    return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT - (last?.end === end ? end - last.begin : 0);
  }
}
