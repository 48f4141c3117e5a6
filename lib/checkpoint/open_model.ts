/**
 * A checkpoint together with what its tensors are.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { type ResolvedModel, resolveModel } from "../model/resolve.ts";
import { type Checkpoint, openCheckpoint } from "./open.ts";
import { assertLocal, type PlaceOptions } from "./place.ts";

/** An open checkpoint whose architecture is known; dispose it to close its files. */
export interface OpenModel extends Disposable {
  /** The checkpoint. */
  readonly checkpoint: Checkpoint;
  /** Its architecture, configuration and tensor names. */
  readonly model: ResolvedModel;
}

/**
 * Opens a base model: a checkpoint with a config.json of a known architecture.
 *
 * @param location A folder, or a `.safetensors` file beside its config.json.
 * @param options How servers are reached; without, it must be on this machine.
 * @returns The open checkpoint and its resolved model; the caller disposes it.
 * @throws {UsageError} when it is an address, and nothing says how servers are reached.
 * @throws {TinygraftError} with code `not-found` when there is no config.json, else the codes of
 * `openCheckpoint` and `resolveModel`.
 *
 * @example Open the base that the repository ships
 * ```ts
 * import { openModel } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using base = await openModel("fixtures/mini/encoder");
 * assertEquals(base.model.config.modelType, "bert");
 * ```
 */
export async function openModel(
  location: string,
  options: PlaceOptions = {},
): Promise<OpenModel> {
  // Whatever runs a model reads its tokenizer and other files by path.
  if (options.remote === undefined) assertLocal(location, "a base");
  const checkpoint = await openCheckpoint(location, options);
  try {
    if (checkpoint.config === undefined) {
      throw new TinygraftError(
        `Cannot use "${location}" as a base: there is no config.json in "${checkpoint.folder}", ` +
          "expected one beside the weights",
        { code: "not-found", path: checkpoint.folder },
      );
    }
    const model = resolveModel(checkpoint.config, checkpoint.tensors, checkpoint.location);
    return { checkpoint, model, [Symbol.dispose]: () => checkpoint.close() };
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}
