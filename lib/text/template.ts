/**
 * Where special tokens stand around a text or a pair of texts: the `post_processor` of
 * tokenizer.json, as data.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";

/**
 * Makes the error for a tokenizer.json that cannot be used.
 *
 * @param found What was found and expected.
 * @param path The file.
 * @param cause The error behind this one.
 * @returns The error, for the caller to throw.
 */
export function invalidTokenizer(found: string, path: string, cause?: unknown): TinygraftError {
  return new TinygraftError(
    `Cannot use tokenizer "${path}": ${found}: take tokenizer.json from the base model`,
    { code: "invalid-tokenizer", path, cause },
  );
}

/** One piece of a template: special tokens, or the tokens of a text. */
export type TemplatePiece =
  | { readonly kind: "special"; readonly ids: readonly number[]; readonly typeId: number }
  | { readonly kind: "text"; readonly which: "A" | "B"; readonly typeId: number };

/** The layouts of a single text and of a pair. */
export interface Template {
  /** The layout of one text. */
  readonly single: readonly TemplatePiece[];
  /** The layout of two texts. */
  readonly pair: readonly TemplatePiece[];
}

/**
 * Reads the layouts out of a `post_processor`: TemplateProcessing, BertProcessing,
 * RobertaProcessing, or a Sequence with one of them.
 *
 * @param postProcessor The `post_processor` entry of tokenizer.json.
 * @param path The file, for messages.
 * @returns The layouts.
 * @throws {TinygraftError} `invalid-tokenizer` for any other entry.
 */
export function parseTemplate(postProcessor: unknown, path: string): Template {
  const entry = record(postProcessor);
  switch (entry?.type) {
    case "TemplateProcessing":
      return {
        single: templatePieces(entry, "single", path),
        pair: templatePieces(entry, "pair", path),
      };
    case "BertProcessing":
      return classicTemplate(entry, { separators: 1, secondTypeId: 1 }, path);
    case "RobertaProcessing":
      return classicTemplate(entry, { separators: 2, secondTypeId: 0 }, path);
    case "Sequence": {
      const processors = Array.isArray(entry.processors) ? entry.processors : [];
      // ByteLevel changes offsets only.
      const rest = processors.filter((processor) => record(processor)?.type !== "ByteLevel");
      if (rest.length === 1) return parseTemplate(rest[0], path);
    }
  }
  throw invalidTokenizer(
    `post_processor is of type ${JSON.stringify(entry?.type ?? null)}, expected ` +
      `TemplateProcessing, BertProcessing or RobertaProcessing`,
    path,
  );
}

/**
 * Counts the special tokens of a layout.
 *
 * @param pieces The layout.
 * @returns The number of special tokens.
 */
export function specialCount(pieces: readonly TemplatePiece[]): number {
  return pieces.reduce((sum, piece) => sum + (piece.kind === "special" ? piece.ids.length : 0), 0);
}

function templatePieces(
  entry: Record<string, unknown>,
  key: "single" | "pair",
  path: string,
): TemplatePiece[] {
  const list = entry[key];
  const specials = record(entry.special_tokens) ?? {};
  if (!Array.isArray(list)) throw invalidTokenizer(`post_processor.${key} is not a list`, path);
  const pieces = list.map((item): TemplatePiece => {
    const special = record(record(item)?.SpecialToken);
    const text = record(record(item)?.Sequence);
    const typeId = (special ?? text)?.type_id;
    if (isIndex(typeId)) {
      const id = (special ?? text)?.id;
      if (text && (id === "A" || id === "B")) return { kind: "text", which: id, typeId };
      const ids = typeof id === "string" ? record(specials[id])?.ids : undefined;
      if (special && Array.isArray(ids) && ids.every(isIndex)) {
        return { kind: "special", ids, typeId };
      }
    }
    throw invalidTokenizer(
      `post_processor.${key} holds ${JSON.stringify(item)}, not a template piece`,
      path,
    );
  });
  const texts = pieces.flatMap((piece) => piece.kind === "text" ? piece.which : []).join("");
  const want = key === "single" ? "A" : "AB";
  if ([...texts].sort().join("") !== want) {
    throw invalidTokenizer(`post_processor.${key} does not hold each of its texts once`, path);
  }
  return pieces;
}

/** The layouts of BertProcessing and RobertaProcessing, which name two tokens only. */
function classicTemplate(
  entry: Record<string, unknown>,
  { separators, secondTypeId }: { separators: number; secondTypeId: number },
  path: string,
): Template {
  const [cls, sep] = [entry.cls, entry.sep].map((token) => Array.isArray(token) ? token[1] : null);
  if (!isIndex(cls) || !isIndex(sep)) {
    throw invalidTokenizer(`post_processor lacks the ids of its "cls" and "sep" tokens`, path);
  }
  const single: TemplatePiece[] = [
    { kind: "special", ids: [cls], typeId: 0 },
    { kind: "text", which: "A", typeId: 0 },
    { kind: "special", ids: [sep], typeId: 0 },
  ];
  const second: TemplatePiece[] = [
    { kind: "text", which: "B", typeId: secondTypeId },
    { kind: "special", ids: [sep], typeId: secondTypeId },
  ];
  const between: TemplatePiece[] = separators === 2
    ? [{ kind: "special", ids: [sep], typeId: 0 }]
    : [];
  return { single, pair: [...single, ...between, ...second] };
}

function record(value: unknown): Record<string, unknown> | undefined {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? value as Record<string, unknown> : undefined;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
