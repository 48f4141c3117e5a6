/**
 * An unpickler that runs nothing: names lead to descriptions, calls to data, and whatever is not
 * on the lists is refused by its name.
 *
 * @module
 */

import { PickleCursor } from "./cursor.ts";
import { type FindStorage, PickleMachine } from "./machine.ts";
import { OPCODES, STOP } from "./opcodes.ts";
import type { PickleValue } from "./values.ts";

/** What is to be unpickled. */
export interface UnpickleOptions {
  /** Where the pickle starts, 0 unless given. */
  readonly begin?: number;
  /** The file, for messages. */
  readonly path: string;
  /** Called for each storage; without it any is refused. */
  readonly findStorage?: FindStorage;
}

/** A value and where its pickle ended. */
export interface Unpickled {
  /** The value. */
  readonly value: PickleValue;
  /** The byte after the pickle. */
  readonly end: number;
}

/**
 * Reads one pickle.
 *
 * Time and memory are linear in the pickle's length, within fixed bounds on depth, objects, kept
 * values and work.
 *
 * @param bytes The pickle and what may follow it; left unchanged.
 * @param options Where it starts, and how storages are found.
 * @returns Its value as inert data.
 * @throws {TinygraftError} with `unsafe-pickle` for an opcode or a name that tensors do not need,
 * named in the message, and beyond a bound; with `invalid-pickle` when the bytes make no sense.
 * @throws {TruncatedPickleError} when the pickle goes on beyond the bytes.
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): Unpickled {
  const cursor = new PickleCursor(bytes, options.begin ?? 0, options.path);
  const machine = new PickleMachine(cursor, options.findStorage ?? (() => undefined));
  for (;;) {
    const code = cursor.uint(1);
    if (code === STOP) return { value: machine.finish(), end: cursor.at };
    const opcode = OPCODES.get(code);
    if (opcode?.run === undefined) {
      const hex = code.toString(16).padStart(2, "0");
      const name = opcode === undefined
        ? `0x${hex}, which is unknown`
        : `${opcode.name} (0x${hex})`;
      throw cursor.error(
        `its pickle uses the opcode ${name}, expected those that tensors need`,
        "unsafe-pickle",
      );
    }
    opcode.run(machine);
  }
}
