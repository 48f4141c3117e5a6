/**
 * JSON as text: sorted writing, and edits of one member that leave every other byte as it was.
 *
 * @module
 */

import { type ErrorCode, TinygraftError } from "../errors.ts";
import { parseJsonStrict } from "../safetensors/json.ts";
import { compareUtf8 } from "../safetensors/writer.ts";

/**
 * Writes a value as JSON with sorted keys, at every depth.
 *
 * Keys are ordered by code point, as Python's `sort_keys` does, and maps stand for objects, whose
 * own order would move keys like "0" to the front.
 *
 * @param value What JSON can hold, with maps in place of objects where the keys are free.
 * @param indent What one level is indented by; "" writes all on one line.
 * @returns The text, without a final newline.
 */
export function stringifySorted(value: unknown, indent = "  "): string {
  return write(value, indent, "\n");
}

function write(value: unknown, indent: string, newline: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const deeper = newline + indent;
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => write(item, indent, deeper))
    : [...value instanceof Map ? value : Object.entries(value)]
      .sort(([a], [b]) => compareUtf8(a, b))
      .map(([key, item]) => `${JSON.stringify(key)}: ${write(item, indent, deeper)}`);
  const [open, close] = isList ? "[]" : "{}";
  if (items.length === 0) return `${open}${close}`;
  if (indent === "") return `${open}${items.join(", ")}${close}`;
  return `${open}${deeper}${items.join(`,${deeper}`)}${newline}${close}`;
}

/**
 * Adds a member at the end of a JSON object's text; every other byte stays as it was, so that
 * numbers keep their spelling and {@linkcode removeMember} gives the same text back.
 *
 * @param text The text of one JSON object that lacks `key`; it must parse.
 * @param key The member's key.
 * @param value Its value, written with sorted keys and indented like its neighbours.
 * @returns The new text.
 */
export function addMember(text: string, key: string, value: unknown): string {
  const { open, members } = scan(text);
  const [first] = members;
  const last = members.at(-1);
  const gap = first === undefined ? "\n  " : text.slice(open + 1, first.begin);
  const indent = gap.slice(gap.lastIndexOf("\n") + 1);
  const written = gap.includes("\n")
    ? write(value, indent, gap.slice(gap.lastIndexOf("\n")))
    : write(value, "", "");
  const member = `${gap}${JSON.stringify(key)}: ${written}`;
  if (last === undefined) return `${text.slice(0, open + 1)}${member}\n${text.slice(open + 1)}`;
  return `${text.slice(0, last.end)},${member}${text.slice(last.end)}`;
}

/**
 * Removes a member from a JSON object's text; every other byte stays as it was.
 *
 * @param text The text of one JSON object; it must parse.
 * @param key The member's key; where it is absent, nothing changes.
 * @returns The new text.
 */
export function removeMember(text: string, key: string): string {
  const { open, members } = scan(text);
  const index = members.findIndex((member) => member.key === key);
  const member = members[index];
  if (member === undefined) return text;
  const before = members[index - 1];
  const after = members[index + 1];
  if (before !== undefined) return text.slice(0, before.end) + text.slice(member.end);
  const next = after === undefined ? member.end : after.begin;
  return text.slice(0, after === undefined ? open + 1 : member.begin) +
    text.slice(next).trimStart();
}

interface Member {
  readonly key: string;
  readonly begin: number;
  readonly end: number;
}

/** Finds the members of the outermost object; positions count UTF-16 units. */
function scan(text: string): { open: number; members: Member[] } {
  const members: Member[] = [];
  let depth = 0;
  let open = 0;
  let key: { text: string; begin: number } | undefined;
  let end = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const closes = token === "}" || token === "]";
    if (closes) depth--;
    if (key !== undefined && ((token === "," && depth === 1) || (closes && depth === 0))) {
      members.push({ key: key.text, begin: key.begin, end });
      key = undefined;
    } else if (depth === 1 && key === undefined && token.startsWith('"')) {
      key = { text: JSON.parse(token), begin: index };
    }
    if (token === "{" || token === "[") {
      if (depth === 0) open = index;
      depth++;
    }
    end = index + token.length;
  }
  return { open, members };
}

/** A string, a bracket, a comma, a number or a word. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]|[^\s"{}[\],:]+/g;

/**
 * Parses the text of one JSON object, refusing duplicate keys.
 *
 * @param text The text.
 * @param path The file it stands in, for messages.
 * @param what What it is, for messages, such as `adapter_config.json`.
 * @returns The object.
 * @throws {TinygraftError} with code `invalid-json` or `duplicate-key`.
 */
export function parseObject(
  text: string,
  path: string,
  what: string,
): Readonly<Record<string, unknown>> {
  try {
    if (parseJsonStrict(text) instanceof Map) return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof TinygraftError)) throw cause;
    throw unreadable(cause.message, { code: cause.code, path, cause }, what);
  }
  throw unreadable("found no JSON object, expected {…}", { code: "invalid-json", path }, what);
}

function unreadable(
  reason: string,
  details: { readonly code: ErrorCode; readonly path: string; readonly cause?: unknown },
  what: string,
): TinygraftError {
  const { path } = details;
  // A file of that very name tells what it is.
  const where = path.endsWith(what) ? `"${path}"` : `${what} in "${path}"`;
  return new TinygraftError(`Cannot read ${where}: ${reason}`, details);
}
