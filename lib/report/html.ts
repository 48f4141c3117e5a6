/**
 * HTML that cannot be broken by what is put into it: every value is escaped where it enters.
 *
 * @module
 */

/** A piece of HTML; text becomes one only by being escaped. */
export class Html {
  /** The markup. */
  readonly markup: string;

  /**
   * Takes markup as it is: only for what this program wrote itself.
   *
   * @param markup Well-formed markup.
   */
  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What may stand in a template: text and numbers are escaped, lists joined, nothing left out. */
export type HtmlValue = Html | string | number | undefined | readonly HtmlValue[];

/** A character that markup gives a meaning, and what stands for it. */
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Controls that HTML forbids, halves of surrogate pairs, and marks that turn the text's direction. */
const UNSHOWABLE = /[^\P{Cc}\t\n]|\p{Cs}|[\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]/gu;

/**
 * Escapes text for an element or a quoted attribute. What HTML cannot hold, or what would change
 * the direction of the text around it, becomes the replacement character.
 *
 * @param text Any text.
 * @returns The text as markup.
 */
export function escapeHtml(text: string): string {
  return text.replace(UNSHOWABLE, "\ufffd").replace(/[&<>"']/g, (found) => ENTITIES[found]!);
}

/**
 * Builds HTML from a template; values are escaped unless they are {@linkcode Html} already. The
 * template's own indentation, and the blanks around it, are left out.
 *
 * @param strings The template's own markup.
 * @param values What stands between.
 * @returns The markup.
 */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  const parts = strings.map((part) => part.replace(/\n\s+/g, "\n"));
  parts[0] = parts[0]!.trimStart();
  parts.push(parts.pop()!.trimEnd());
  return new Html(parts.reduce((markup, part, i) => markup + markupOf(values[i - 1]) + part));
}

function markupOf(value: HtmlValue): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "string") return escapeHtml(value);
  return typeof value === "number" ? String(value) : value.map(markupOf).join("");
}
