/**
 * The JSON Schema of tinygraft.yaml, with which editors complete and check it while one types.
 *
 * @module
 */

import {
  expectedValue,
  SUITE_KEYS,
  SUITE_SECTIONS,
  SUITE_VERSION,
  type SuiteKey,
} from "./suite_keys.ts";

/** A part of a JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Makes the schema of tinygraft.yaml from the table of its keys.
 *
 * A suite that {@linkcode parseSuite} reads is valid. The reader also refuses what a schema cannot
 * say: names that stand twice, and keys that mean nothing without another.
 *
 * @returns A JSON Schema, draft 7, which is what editors know best.
 */
export function suiteSchema(): JsonSchema {
  const shared = Object.fromEntries(SUITE_KEYS.map((key) => [key.name, valueSchema(key)]));
  const name = {
    type: "string",
    minLength: 1,
    description: "the check's name, unique in the file",
  };
  return {
    "$schema": "http://json-schema.org/draft-07/schema#",
    title: "tinygraft.yaml",
    description: "Checks for tinygraft check --config. Relative paths are relative to this file.",
    type: "object",
    additionalProperties: false,
    required: SUITE_SECTIONS.filter((section) => section !== "defaults"),
    properties: {
      version: { const: SUITE_VERSION, description: "the version of this format" },
      defaults: {
        type: "object",
        description: "what holds for every check that does not say otherwise",
        additionalProperties: false,
        properties: shared,
      },
      checks: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          additionalProperties: false,
          required: ["name"],
          properties: { name, ...shared },
        },
      },
    },
    allOf: SUITE_KEYS.filter(({ required }) => required).map(({ name }) => inOneOf(name)),
  };
}

/** A key that every check must have: in the defaults, or in each of them. */
function inOneOf(name: string): JsonSchema {
  const has = { required: [name] };
  return {
    anyOf: [
      { required: ["defaults"], properties: { defaults: has } },
      { properties: { checks: { items: has } } },
    ],
  };
}

function valueSchema(key: SuiteKey): JsonSchema {
  const { kind, choices, min, max, help } = key;
  const description = kind === "number" ? `${help}; ${expectedValue(key)}` : help;
  const range = {
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
  };
  switch (kind) {
    case "boolean":
      return { type: "boolean", description };
    case "number":
      return { type: "number", ...range, description };
    case "integer":
      return { type: "integer", ...range, description };
    case "column":
      return {
        anyOf: [{ type: "string", minLength: 1 }, { type: "integer", minimum: 0 }],
        description,
      };
    case "path":
    case "string":
      return choices === undefined
        ? { type: "string", minLength: 1, description }
        : { enum: choices, description };
  }
}
