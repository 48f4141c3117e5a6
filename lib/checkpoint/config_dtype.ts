/**
 * The dtype that config.json states, in torch's spelling.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { JsonCursor, JsonFault } from "../safetensors/json.ts";
import type { Dtype } from "../tensor/dtype.ts";

/** Torch's names of the dtypes that a model can be loaded in. */
const TORCH_NAMES: ReadonlyMap<Dtype, string> = new Map([
  ["F64", "float64"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
]);

/** Where config.json states the dtype: its present key and its former one. */
const KEYS: ReadonlySet<string> = new Set(["dtype", "torch_dtype"]);

/**
 * Restates the dtype in the text of config.json, and changes no other byte.
 *
 * Loaders follow it over the tensors' own dtype. A config that does not state it stays as it is,
 * and so does one for an 8-bit float, in which no model can be run.
 *
 * @param text The text of config.json.
 * @param dtype The dtype of the copy's weights.
 * @param path The file, for messages.
 * @returns The new text.
 * @throws {TinygraftError} with `invalid-json` or `duplicate-key` when it is not strict JSON.
 */
export function restateDtype(text: string, dtype: Dtype, path: string): string {
  const name = TORCH_NAMES.get(dtype);
  if (name === undefined) return text;
  const parts: string[] = [];
  let copied = 0;
  const cursor = new JsonCursor(text);
  try {
    cursor.object((key) => {
      const isStated = KEYS.has(key) && cursor.kind() === "string";
      const begin = cursor.at;
      cursor.skip();
      if (!isStated) return;
      parts.push(text.slice(copied, begin), JSON.stringify(name));
      copied = cursor.at;
    });
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    throw new TinygraftError(
      `Cannot change the dtype in "${path}": ${fault.message} at character ${fault.at}: mend it`,
      { code: fault.isDuplicate ? "duplicate-key" : "invalid-json", path, cause: fault },
    );
  }
  return parts.join("") + text.slice(copied);
}
