/**
 * The version of tinygraft, as recorded in the adapters it writes.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** The version, such as `0.1.0`. */
export const VERSION: string = config.version;
