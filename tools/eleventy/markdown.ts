/**
 * How the site reads Markdown: headings get anchors, links lead to pages, and a command's name in
 * code leads to the command's page.
 *
 * @module
 */

/** A token of markdown-it. */
interface Token {
  readonly type: string;
  readonly content: string;
  readonly children: readonly Token[] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

/** What a rule of markdown-it's renderer is called with. */
type RenderRule = (
  tokens: readonly Token[],
  index: number,
  options: unknown,
  env: { readonly page?: { readonly filePathStem: string } },
  renderer: { renderToken(tokens: readonly Token[], index: number, options: unknown): string },
) => string;

/** The part of markdown-it that is used here. */
export interface MarkdownRenderer {
  readonly renderer: { readonly rules: Record<string, RenderRule | undefined> };
}

/** `tinygraft merge`, with or without what follows on the line. */
const COMMAND_IN_CODE = /^tinygraft (?:help )?([a-z]+)(?: .*)?$/;

/**
 * Forms a heading's anchor as GitHub does.
 *
 * @param text The heading.
 * @returns The anchor, without the number sign.
 */
export function anchorOf(text: string): string {
  return text.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
}

/**
 * Leads a link between documents from page to page.
 *
 * @param target What a document links to.
 * @returns The page; the same for another site, and for what is no document.
 */
export function pageLink(target: string): string {
  return /^[a-z]+:/i.test(target) ? target : target.replace(/\.md(?=#|$)/, ".html");
}

/**
 * Teaches markdown-it the rules.
 *
 * @param library The renderer, which is changed.
 * @param commands The program's commands, each with a page.
 */
export function setUpMarkdown(
  { renderer: { rules } }: MarkdownRenderer,
  commands: readonly string[],
): void {
  const code = rules.code_inline;
  rules.heading_open = (tokens, index, options, _env, self) => {
    tokens[index]!.attrSet("id", anchorOf(plainText(tokens[index + 1]!)));
    return self.renderToken(tokens, index, options);
  };
  rules.link_open = (tokens, index, options, _env, self) => {
    tokens[index]!.attrSet("href", pageLink(tokens[index]!.attrGet("href") ?? ""));
    return self.renderToken(tokens, index, options);
  };
  rules.table_open = () => '<div class="scroll"><table>\n';
  rules.table_close = () => "</table></div>\n";
  rules.code_inline = (tokens, index, options, env, self) => {
    const markup = code!(tokens, index, options, env, self);
    const name = COMMAND_IN_CODE.exec(tokens[index]!.content)?.[1];
    if (name === undefined || !commands.includes(name)) return markup;
    const before = tokens.slice(0, index).findLast(({ type }) => /^link_/.test(type));
    if (before?.type === "link_open") return markup;
    const depth = (env.page?.filePathStem ?? "/").split("/").length - 2;
    return `<a href="${"../".repeat(depth)}commands/${name}.html">${markup}</a>`;
  };
}

function plainText({ children }: Token): string {
  return (children ?? []).map(({ content }) => content).join("");
}
