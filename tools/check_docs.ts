/**
 * Checks documentation: comments on every export, links, and that tasks, commands, codes and
 * versions which documents mention exist.
 *
 * @module
 */

import { ERROR_CODES } from "../lib/errors.ts";
import { anchorOf } from "./eleventy/markdown.ts";
import { exists, listFiles, readFiles, ROOT } from "./files.ts";
import { runProcess } from "./process.ts";

/** The documents that must be there, then those of the site. */
const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...listFiles("docs", ".md")];
const LINK = /!?\[[^\]]*\]\(<?([^()\s>]+(?:\([^()\s]*\))?)>?(?:\s+"[^"]*")?\)/g;
const TASK = /\bdeno(?:@[\d.]+)?\s+task\s+(?:-\S+\s+)*([a-z][\w:-]*)/g;
const COMMAND = /(?:^|[\s`(;&|])tinygraft[ \t]+([a-z][a-z-]*)/gm;

/** One document's text without its code, and its code alone. */
export interface SplitDocument {
  /** Everything but code. */
  readonly prose: string;
  /** Fenced blocks and code spans, one a line. */
  readonly code: string;
}

/**
 * Takes a Markdown document apart.
 *
 * @param markdown The document.
 * @returns Its prose and its code; blocks of another language than a shell's are left out.
 */
export function splitDocument(markdown: string): SplitDocument {
  const code: string[] = [];
  const withoutBlocks = markdown.replace(
    /^```(\w*).*\n([\s\S]*?)^```/gm,
    (_all, language, body) => {
      if (["", "sh", "bash", "console", "yaml", "yml", "text"].includes(language)) code.push(body);
      return "";
    },
  );
  const prose = withoutBlocks.replace(/`([^`\n]+)`/g, (_all, span) => {
    code.push(span);
    return "";
  });
  return { prose, code: code.join("\n") };
}

/**
 * Names the anchors that a document's headings make.
 *
 * @param markdown The document.
 * @returns Anchors as GitHub forms them, without the number sign.
 */
export function anchorsOf(markdown: string): Set<string> {
  const withoutBlocks = markdown.replace(/^```.*\n[\s\S]*?^```/gm, "");
  const headings = withoutBlocks.match(/^#+\s+.+$/gm) ?? [];
  return new Set(headings.map((heading) => anchorOf(heading.replace(/^#+\s+/, ""))));
}

/**
 * Finds links to files and headings that are not there.
 *
 * @param path The document, relative to the checkout's root.
 * @param markdown Its text.
 * @param isThere Tells whether a file or folder, relative to the root, exists.
 * @returns One line for each broken link.
 */
export function checkLinks(
  path: string,
  markdown: string,
  isThere: (path: string) => boolean,
): string[] {
  const anchors = anchorsOf(markdown);
  const faults: string[] = [];
  const { prose } = splitDocument(markdown.replace(/\[`([^`\]]*)`\]/g, "[$1]"));
  for (const [, target = ""] of prose.matchAll(LINK)) {
    if (/^[a-z]+:/i.test(target)) continue; // another site: not ours to check
    const [file = "", anchor] = target.split("#");
    if (file === "" && anchor !== undefined && !anchors.has(anchor)) {
      faults.push(`${path} links to its heading #${anchor}, which is not there`);
    }
    const resolved = new URL(file, `file:///${path}`).pathname.slice(1);
    if (file !== "" && !isThere(decodeURIComponent(resolved))) {
      faults.push(`${path} links to ${file}, which is not there`);
    }
  }
  return faults;
}

/**
 * Finds tasks and commands that a document mentions in its code but that do not exist.
 *
 * @param path The document, relative to the checkout's root.
 * @param markdown Its text.
 * @param known Names of deno.json's tasks and of the program's commands.
 * @returns One line for each name that is not there.
 */
export function checkNames(
  path: string,
  markdown: string,
  known: { readonly tasks: ReadonlySet<string>; readonly commands: ReadonlySet<string> },
): string[] {
  const { code } = splitDocument(markdown);
  const missing = (pattern: RegExp, names: ReadonlySet<string>) =>
    new Set([...code.matchAll(pattern)].map(([, name = ""]) => name).filter((n) => !names.has(n)));
  return [
    ...[...missing(TASK, known.tasks)].map((name) => `${path} mentions deno task ${name}`),
    ...[...missing(COMMAND, known.commands)].map((name) => `${path} mentions tinygraft ${name}`),
  ].map((fault) => `${fault}, which does not exist`);
}

/**
 * Finds error codes that nothing uses.
 *
 * @param codes Every code of the table.
 * @param sources Path to text of the files that may use them.
 * @param table The file that holds the table: there only `code: "…"` is a use.
 * @returns One line for each unused code.
 */
export function checkCodes(
  codes: readonly string[],
  sources: ReadonlyMap<string, string>,
  table: string,
): string[] {
  const others = [...sources].filter(([path]) => path !== table).map(([, text]) => text).join("\n");
  const own = sources.get(table) ?? "";
  const unused = codes.filter((code) =>
    !others.includes(`"${code}"`) && !own.includes(`code: "${code}"`)
  );
  return unused.map((code) => `${table}: nothing uses the code ${code}`);
}

/**
 * Checks that the change log has an entry for a version.
 *
 * @param changelog The change log.
 * @param version The version of deno.json.
 * @returns One line when there is no heading for the version.
 */
export function checkChangelog(changelog: string, version: string): string[] {
  const headings = changelog.match(/^##\s.*$/gm) ?? [];
  const found = headings.some((heading) => heading.split(/[\s[\]()]+/).includes(version));
  return found ? [] : [`CHANGELOG.md has no heading for version ${version}`];
}

/** What `deno doc --lint` says about some files' exports, its own last line left out. */
async function lintComments(files: readonly string[]): Promise<string[]> {
  const { code, output } = await runProcess([Deno.execPath(), "doc", "--lint", ...files], {
    env: { NO_COLOR: "1" },
  });
  return code === 0 ? [] : [output.replace(/\n+Stack backtrace:[\s\S]*/, "").trimEnd()];
}

/** The names of the program's commands, from the table that the program itself uses. */
async function commandNames(): Promise<Set<string>> {
  const table = new URL("../cli/commands.ts", import.meta.url).href;
  const { COMMANDS }: { COMMANDS: readonly { name: string }[] } = await import(table);
  return new Set(["help", ...COMMANDS.map(({ name }) => name)]);
}

/** Checks the whole checkout. */
async function checkDocs(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  const sources = readFiles([...listFiles("lib", ".ts"), ...listFiles("cli", ".ts")]);
  const documents = readFiles(DOCUMENTS.filter((path) => exists(`${ROOT}/${path}`)));
  const known = { tasks: new Set(Object.keys(config.tasks)), commands: await commandNames() };
  const faults = DOCUMENTS.filter((path) => !documents.has(path)).map((path) => `No ${path}`);
  for (const [path, text] of documents) {
    faults.push(...checkLinks(path, text, (target) => exists(`${ROOT}/${target}`)));
    if (path !== "CHANGELOG.md") faults.push(...checkNames(path, text, known));
  }
  return [
    ...faults,
    ...checkCodes(Object.keys(ERROR_CODES), sources, "lib/errors.ts"),
    ...checkChangelog(documents.get("CHANGELOG.md") ?? "", config.version),
    // By itself the entry point must also export every type that its exports mention.
    ...await lintComments(["mod.ts"]),
    ...await lintComments(listFiles("lib", ".ts")),
  ];
}

if (import.meta.main) {
  const faults = await checkDocs();
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
  console.log("Comments, links and names are in order");
}
