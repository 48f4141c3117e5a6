/**
 * The architectures that tinygraft knows.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { ALBERT } from "./albert.ts";
import { BERT } from "./bert.ts";
import { DISTILBERT } from "./distilbert.ts";
import { ELECTRA } from "./electra.ts";
import { ROBERTA, XLM_ROBERTA } from "./roberta.ts";

/** Every known architecture; a new one is a new table and a row here. */
export const ARCHITECTURES: readonly Architecture[] = [
  BERT,
  ROBERTA,
  XLM_ROBERTA,
  DISTILBERT,
  ELECTRA,
  ALBERT,
];

/**
 * Finds an architecture by `model_type`.
 *
 * @param modelType The value of `model_type` in config.json.
 * @returns The architecture, or undefined where it is not known.
 */
export function findArchitecture(modelType: string): Architecture | undefined {
  return ARCHITECTURES.find((architecture) => architecture.modelType === modelType);
}

/**
 * Lists the known values of `model_type`, for messages.
 *
 * @returns The names, quoted and joined by commas.
 */
export function supportedModelTypes(): string {
  return ARCHITECTURES.map((architecture) => `"${architecture.modelType}"`).join(", ");
}
