/**
 * Shell blocks of Markdown documents: finds them, and compares what they print with what the
 * document says they print.
 *
 * A block fenced as `sh` is run. A comment such as `<!-- exit 1 -->` above it says how its last
 * command ends, if not with 0. A block fenced as `text` shows what the `sh` block before it in the
 * same section prints. Blocks of list items are indented as the item's text is.
 *
 * @module
 */

/** One block of commands. */
export interface ShellBlock {
  /** The document, relative to the checkout's root. */
  readonly path: string;
  /** The line of the block's first command, from 1. */
  readonly line: number;
  /** The commands. */
  readonly script: string;
  /** How the last command is expected to end. */
  readonly exitCode: number;
  /** What it prints, as the document shows it. */
  readonly output: string | undefined;
}

/** A block that is not run here. */
export interface AllowedBlock {
  /** The document, relative to the checkout's root. */
  readonly path: string;
  /** The block's first line; every block of the document when left out. */
  readonly firstLine?: string;
  /** Why it cannot be run. */
  readonly reason: string;
}

const FENCE = /^( *)(`{3,})(\w*)/;
const EXIT_MARK = /^<!-- exit (\d+) -->$/;

/**
 * Finds the shell blocks of a document.
 *
 * @param path The document, relative to the checkout's root.
 * @param markdown Its text.
 * @returns The blocks fenced as `sh`, in order.
 */
export function findShellBlocks(path: string, markdown: string): ShellBlock[] {
  const lines = markdown.split("\n");
  const blocks: ShellBlock[] = [];
  let exitCode = 0;
  let canShowOutput = false;
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i]!;
    const [, indent = "", fence, language] = FENCE.exec(text) ?? [];
    if (fence === undefined) {
      if (/^#+ /.test(text)) canShowOutput = false;
      exitCode = Number(EXIT_MARK.exec(text)?.[1] ?? (text.trim() === "" ? exitCode : 0));
      continue;
    }
    const end = lines.indexOf(indent + fence, i + 1);
    const body = lines.slice(i + 1, end < 0 ? undefined : end)
      .map((line) => line.startsWith(indent) ? line.slice(indent.length) : line).join("\n");
    if (language === "sh") {
      blocks.push({ path, line: i + 2, script: body, exitCode, output: undefined });
      canShowOutput = true;
    } else if (language === "text" && canShowOutput) {
      blocks.push({ ...blocks.pop()!, output: body });
      canShowOutput = false;
    }
    exitCode = 0;
    i = end < 0 ? lines.length : end;
  }
  return blocks;
}

/**
 * Looks for the lines that a document shows in what its commands printed: in the same order, with
 * any lines between. Runs of blanks count as one, and `…` stands for anything.
 *
 * @param shown What the document shows.
 * @param printed What the commands printed.
 * @returns The first line that is not there, or `undefined`.
 */
export function missingLine(shown: string, printed: string): string | undefined {
  const tidy = (text: string) =>
    text.split("\n").map((line) => line.trim().replace(/\s+/g, " ")).filter((line) => line !== "");
  const lines = tidy(printed);
  let next = 0;
  for (const line of tidy(shown)) {
    const parts = line.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    const pattern = new RegExp(`^${parts.join(".*")}$`);
    const found = lines.findIndex((candidate, i) => i >= next && pattern.test(candidate));
    if (found < 0) return line;
    next = found + 1;
  }
  return undefined;
}

/**
 * Finds the entry that excuses a block.
 *
 * @param block The block.
 * @param allowed Every excuse.
 * @returns The entry, or `undefined` for a block that is run.
 */
export function excuseOf(
  { path, script }: ShellBlock,
  allowed: readonly AllowedBlock[],
): AllowedBlock | undefined {
  const [line] = script.split("\n");
  return allowed.find((entry) =>
    entry.path === path && (entry.firstLine === undefined || entry.firstLine === line)
  );
}
