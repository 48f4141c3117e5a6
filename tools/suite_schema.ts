/**
 * Writes tinygraft.schema.json, the JSON Schema of tinygraft.yaml, from the table of its keys; with
 * `--check` it compares the file instead.
 *
 * @module
 */

import { suiteSchema } from "../lib/gate/suite_schema.ts";
import { ROOT } from "./files.ts";

/** Where the schema is kept, relative to the checkout's root. */
export const SCHEMA_FILE = "tinygraft.schema.json";

/**
 * Lays the schema out as the file has it.
 *
 * @returns The file's text.
 */
export function schemaText(): string {
  return `${JSON.stringify(suiteSchema(), null, 2)}\n`;
}

if (import.meta.main) {
  const path = `${ROOT}/${SCHEMA_FILE}`;
  if (!Deno.args.includes("--check")) {
    await Deno.writeTextFile(path, schemaText());
  } else if (await Deno.readTextFile(path) !== schemaText()) {
    console.error(`${SCHEMA_FILE} is not that of lib/gate: deno run -A tools/suite_schema.ts`);
    Deno.exit(1);
  }
}
