// Validators of the schemas beside this file.

import { assertEquals } from "@std/assert";
import { Ajv, type ValidateFunction } from "ajv";
import { validateXML } from "xmllint-wasm";

const FOLDER = new URL("./schemas/", import.meta.url);
const isDate = (text: string) => !Number.isNaN(Date.parse(text));
// References relative to some base are what paths become.
const isReference = (text: string) => URL.canParse(text, "file:///base/") && !/[\s\\]/.test(text);
const FORMATS = {
  uri: (text: string) => URL.canParse(text),
  "uri-reference": isReference,
  "uri-template": isReference,
  "date-time": isDate,
  regex: (text: string) => new RegExp(text).source !== "",
};

/** Makes a validator of a JSON Schema of draft 7, or of draft 4 where that is the same. */
export function jsonValidator(schema: Record<string, unknown>): ValidateFunction {
  const { $schema: _, id, ...rest } = schema;
  // SARIF's schema has an expression that is none by the stricter rules for Unicode.
  const ajv = new Ajv({ strict: false, allErrors: true, formats: FORMATS, unicodeRegExp: false });
  return ajv.compile(id === undefined ? rest : { $id: id, ...rest });
}

/** Makes a validator of one of the JSON Schemas kept here. */
export async function keptValidator(name: string): Promise<ValidateFunction> {
  return jsonValidator(JSON.parse(await Deno.readTextFile(new URL(name, FOLDER))));
}

/** Fails with all that a schema has against a value. */
export function assertValid(validate: ValidateFunction, value: unknown): void {
  validate(value);
  const errors = validate.errors?.map(({ instancePath, message, params }) =>
    `${instancePath}: ${message} ${JSON.stringify(params)}`
  );
  assertEquals(errors ?? [], []);
}

/** Everything that an XML Schema kept here has against a document. */
export async function xmlFaults(contents: string, schema: string): Promise<string[]> {
  const xsd = await Deno.readTextFile(new URL(schema, FOLDER));
  const { errors } = await validateXML({
    xml: [{ fileName: "document.xml", contents }],
    schema: [{ fileName: schema, contents: xsd }],
  });
  return errors.map(({ message }) => message);
}
