/**
 * `deno task docs:site [FOLDER]`: builds the documentation into `.site/`, or the folder given.
 *
 * Eleventy turns `docs/` into pages, together with one page a command, made from the program's own
 * tables; the library's reference comes from `deno doc`. Links are relative, so the site can be
 * read from the disk and from any address.
 *
 * @module
 */

import { join, relative } from "@std/path";
import { COMMANDS } from "../cli/commands.ts";
import { commandPage, commandsPage } from "./docs_site_commands.ts";
import { renderPage } from "./docs_site_layout.ts";
import type { SiteSource } from "./eleventy/build.ts";
import { listFiles, ROOT } from "./files.ts";
import { runProcess } from "./process.ts";

/** The folder of the library's reference in the site. */
const REFERENCE = "api";

/**
 * Builds the site.
 *
 * @param folder Where it is written; pages of an earlier build are written over.
 */
export async function buildSite(folder: string): Promise<void> {
  await Promise.all([writePages(folder), writeReference(join(folder, REFERENCE))]);
}

/** Writes the pages of documents and commands, and puts them into the site's frame. */
async function writePages(folder: string): Promise<void> {
  const commandPages = COMMANDS.map((command) =>
    [`commands/${command.name}.html`, commandPage(command).markup] as const
  );
  const source: SiteSource = {
    input: "docs",
    output: relative(ROOT, folder),
    pages: {
      "commands/index.html": commandsPage(COMMANDS).markup,
      ...Object.fromEntries(commandPages),
    },
    copies: {
      "lib/report/theme.css": "theme.css",
      "tools/docs_site.css": "site.css",
      ...Object.fromEntries(
        listFiles("docs", "").filter((path) => !path.endsWith(".md"))
          .map((path) => [path, path.slice("docs/".length)]),
      ),
    },
    commands: COMMANDS.map(({ name }) => name),
  };
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(source));
    const generator = join(ROOT, "tools", "eleventy");
    await runDeno(
      "build the documentation",
      ...[
        "run",
        "-A",
        "--frozen",
        `--config=${generator}/deno.json`,
        `${generator}/build.ts`,
        file,
      ],
    );
  } finally {
    await Deno.remove(file);
  }
  const documents = listFiles("docs", ".md").map((path) =>
    path.slice("docs/".length).replace(/\.md$/, ".html")
  );
  for (const page of [...documents, ...Object.keys(source.pages)]) {
    const content = await Deno.readTextFile(join(folder, page));
    await Deno.writeTextFile(join(folder, page), renderPage(page, content));
  }
}

/** Writes the library's reference: every export of mod.ts with its documentation. */
async function writeReference(folder: string): Promise<void> {
  await runDeno(
    "write the library's reference",
    ...["doc", "--html", "--name=tinygraft", `--output=${folder}`, "mod.ts"],
  );
  finishReference(folder);
}

/** Leaves out links to sources on this machine, and leads back to the rest of the site. */
function finishReference(folder: string): void {
  for (const path of listFiles(".", ".html", folder)) {
    const home = `${"../".repeat(path.split("/").length - 1)}index.html`;
    const text = Deno.readTextFileSync(join(folder, path))
      .replace(/<a\s+class="sourceButton"[^>]*>[\s\S]*?<\/a>/g, "")
      .replace('<ul class="breadcrumbs">', `$&<li><a href="${home}">documentation</a></li>`);
    Deno.writeTextFileSync(join(folder, path), text);
  }
}

async function runDeno(what: string, ...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess([Deno.execPath(), ...args]);
  if (code !== 0) throw new Error(`Cannot ${what}: ${output.trimEnd()}`);
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? join(ROOT, ".site");
  await buildSite(folder);
  console.log(`Wrote ${join(folder, "index.html")}`);
}
