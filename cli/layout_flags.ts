/**
 * The flags that `import` and `export` share.
 *
 * @module
 */

import { type Layout, LAYOUTS } from "../lib/layouts/layout_names.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** The dtype of what is written. */
export const DTYPE_FLAG: Flag = {
  name: "dtype",
  kind: "string",
  choices: ["F32", "F16", "BF16"],
  help: "the dtype to store; the input's own, unless given",
};

/**
 * Reads `--layout`.
 *
 * @param flags The flags.
 * @returns The layout; `undefined` for `auto` and where none is given.
 */
export function layoutOf(flags: FlagValues): Layout | undefined {
  return LAYOUTS.find((layout) => layout === flags.string("layout"));
}
