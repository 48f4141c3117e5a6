/**
 * Where the modules of an adapter of another layout stand: names and shapes do not tell.
 *
 * @module
 */

import {
  DEFAULT_PLACEMENT,
  findPlacement,
  type Placement,
  PLACEMENTS,
} from "../adapter/placement.ts";
import type { Checkpoint } from "../checkpoint/open.ts";
import { TinygraftError, UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { FoundAdapter } from "./find.ts";

/** The key of a file's metadata that tells the place, as export writes it. */
export const PLACEMENT_KEY = "placement";

/** A place, and how it was found. */
export interface FoundPlacement {
  /** Where the modules stand. */
  readonly placement: Placement;
  /** What was assumed, if anything. */
  readonly notes: readonly string[];
}

/**
 * Decides where the modules stand: as the caller says, else as the file's metadata does, else after
 * the attention block.
 *
 * @param found The adapter.
 * @param input Its checkpoint, for the metadata.
 * @param said What the caller says.
 * @returns The place.
 * @throws {UsageError} where the caller says a place that the layout has no code for.
 * @throws {TinygraftError} with code `unsupported-placement` for metadata of an unknown place.
 */
export function decidePlacement(
  { layout, kind }: FoundAdapter,
  { location, metadata }: Pick<Checkpoint, "location" | "metadata">,
  said: Placement | undefined,
): FoundPlacement {
  if (layout === "nemo" || kind === "split") {
    if (said === undefined || said === DEFAULT_PLACEMENT) {
      return { placement: DEFAULT_PLACEMENT, notes: [] };
    }
    throw new UsageError(
      `Cannot import ${quote(location)} with the placement ${said}: the modules of its layout ` +
        `stand after the attention block, expected ${DEFAULT_PLACEMENT}`,
    );
  }
  if (said !== undefined) return { placement: said, notes: [] };
  const recorded = metadata.get(PLACEMENT_KEY);
  if (recorded !== undefined) return { placement: readPlacement(recorded, location), notes: [] };
  const others = Object.values(PLACEMENTS).map(({ authors }) => authors).slice(1);
  return {
    placement: DEFAULT_PLACEMENT,
    notes: [
      `the placement ${PLACEMENTS[DEFAULT_PLACEMENT].authors}, after the attention block, is ` +
      `assumed: ${others.join(", ")} have the same names and cannot be converted: say which by ` +
      "--placement",
    ],
  };
}

function readPlacement(recorded: string, path: string): Placement {
  const placement = findPlacement(recorded);
  if (placement !== undefined) return placement;
  const names = Object.values(PLACEMENTS).map(({ authors }) => authors);
  throw new TinygraftError(
    `Cannot import ${quote(path)}: its metadata has the placement ${quote(recorded)}, expected ` +
      `${names.join(", ")}: no placement can be converted into another`,
    { code: "unsupported-placement", path },
  );
}
