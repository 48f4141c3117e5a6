// deno-lint-ignore-file camelcase -- tokenizer_config.json and the package spell keys so
/**
 * The token that a word is hidden behind, as models for masked tokens were trained with it.
 *
 * @module
 */

/** A tokenizer's mask token. */
export interface MaskToken {
  /** Its id. */
  readonly id: number;
  /** Its text, `[MASK]` or `<mask>`. */
  readonly content: string;
  /** Whether whitespace before it belongs to it. */
  readonly stripsLeft: boolean;
  /** Whether whitespace behind it belongs to it. */
  readonly stripsRight: boolean;
}

/** The parts of the package's `Tokenizer` that are read. */
export interface TokenizerVocabulary {
  /** The tokens that are found in a text before it is split, by id. */
  get_added_tokens_decoder(): Map<
    number,
    { readonly content: string; readonly lstrip: boolean; readonly rstrip: boolean }
  >;
  /** A token's id. */
  token_to_id(token: string): number | undefined;
}

/** What mask tokens are called where tokenizer_config.json does not say. */
const USUAL_NAMES = ["[MASK]", "<mask>"];

/**
 * Finds a tokenizer's mask token.
 *
 * @param vocabulary The tokenizer.
 * @param config The parsed tokenizer_config.json, whose `mask_token` is a text or an object.
 * @returns The token; undefined where there is none.
 */
export function findMask(
  vocabulary: TokenizerVocabulary,
  config: Readonly<Record<string, unknown>>,
): MaskToken | undefined {
  const added = [...vocabulary.get_added_tokens_decoder()];
  const { mask_token } = config;
  const said = (mask_token as { content?: unknown } | null | undefined)?.content ?? mask_token;
  for (const content of typeof said === "string" ? [said] : USUAL_NAMES) {
    const id = vocabulary.token_to_id(content);
    if (id === undefined) continue;
    const token = added.find(([each]) => each === id)?.[1];
    return {
      id,
      content,
      stripsLeft: token?.lstrip ?? false,
      stripsRight: token?.rstrip ?? false,
    };
  }
  return undefined;
}
