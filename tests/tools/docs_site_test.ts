import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import type { Command } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/commands.ts";
import { commandPage } from "../../tools/docs_site_commands.ts";
import { checkSite } from "../../tools/docs_site_check.ts";
import { renderPage, SECTIONS } from "../../tools/docs_site_layout.ts";
import { anchorOf, pageLink } from "../../tools/eleventy/markdown.ts";

const WORDS = `<h1>Title</h1><h2 id="part">Part</h2><p>${"words ".repeat(50)}</p>`;

/** Writes a site of every listed page, with some contents replaced, and returns its faults. */
async function faultsOf(contents: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const pages = SECTIONS.flatMap((section) => section.pages.map(([page]) => page));
    for (const page of new Set([...pages, ...Object.keys(contents)])) {
      const content = page in contents ? contents[page] : WORDS;
      if (content === undefined) continue;
      await Deno.mkdir(dirname(join(folder, page)), { recursive: true });
      await Deno.writeTextFile(join(folder, page), renderPage(page, content));
    }
    for (const style of ["theme.css", "site.css"]) {
      await Deno.writeTextFile(join(folder, style), "");
    }
    return [...checkSite(folder).faults];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("checkSite() passes a site whose links lead somewhere", async () => {
  const links = `${WORDS}<a href="../merging.html#part">a</a><a href="https://x.test/no">b</a>`;
  assertEquals(await faultsOf({ "guides/merge.html": links }), []);
});

Deno.test("checkSite() names broken links, headings that are not there, and local addresses", async () => {
  const links = `${WORDS}<a href="gone.html">a</a><a href="../index.html#no">b</a>` +
    `<a href="file:///etc/passwd">c</a>`;
  assertEquals(await faultsOf({ "guides/merge.html": links }), [
    "guides/merge.html links to gone.html, which is not there",
    "guides/merge.html links to ../index.html#no, a heading which is not there",
    "guides/merge.html links to file:///etc/passwd, which is not there",
  ]);
});

Deno.test("checkSite() names empty pages, unlisted ones and commands without a page", async () => {
  const faults = await faultsOf({
    "formats.html": "<p>little</p>",
    "stray.html": WORDS,
    "commands/merge.html": undefined,
  });
  assert(faults.includes("formats.html has 6 characters and no heading"), faults.join("\n"));
  assert(faults.includes("stray.html is in no list of pages"));
  assert(faults.includes("tinygraft merge has no page"));
  assert(faults.includes("index.html links to commands/merge.html, which is not there"));
});

Deno.test("commandPage() shows every argument, flag and example of every command, escaped", () => {
  for (const command of COMMANDS) {
    const { markup } = commandPage(command);
    for (const { name } of [...command.flags, ...command.positionals]) {
      assertStringIncludes(markup, name);
    }
    for (const { line } of command.examples) {
      assertStringIncludes(markup, line.replaceAll("&", "&amp;").replace(/["'<>].*/s, ""));
    }
  }
});

Deno.test("commandPage() keeps lists as lists, sets flags as code and tells choices", () => {
  const command: Command = {
    name: "graft",
    group: "Look",
    summary: "do it",
    description: "Takes --fast\nand <b>.\n\n  one  first\n  two  second",
    positionals: [{ name: "IN", help: "what", many: true }],
    flags: [{ name: "way", kind: "string", value: "W", choices: ["up", "down"], help: "where" }],
    examples: [{ does: "all", line: "tinygraft graft a" }],
    run: () => Promise.resolve(0),
  };
  const { markup } = commandPage(command);
  assertStringIncludes(markup, "tinygraft graft IN... [FLAGS]");
  assertStringIncludes(markup, '<p>Takes <code class="flag">--fast</code> and &lt;b&gt;.</p>');
  assertStringIncludes(markup, "<pre>  one  first\n  two  second</pre>");
  assertStringIncludes(markup, "where (up, down)");
});

Deno.test("pageLink() leads to pages and leaves other sites alone", () => {
  assertEquals(pageLink("../merging.md#why"), "../merging.html#why");
  assertEquals(pageLink("figures/a.svg"), "figures/a.svg");
  assertEquals(pageLink("https://x.test/README.md"), "https://x.test/README.md");
});

Deno.test("anchorOf() forms anchors as GitHub does", () => {
  assertEquals(anchorOf("1. Say what it is: `op.ts`"), "1-say-what-it-is-opts");
});
