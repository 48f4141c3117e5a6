import { assertEquals } from "@std/assert";
import {
  anchorsOf,
  checkChangelog,
  checkCodes,
  checkLinks,
  checkNames,
  splitDocument,
} from "../../tools/check_docs.ts";

const FENCE = "```";

Deno.test("splitDocument() parts prose, shell blocks and spans, and drops other languages", () => {
  const markdown = `Run \`deno task a\` now.\n\n${FENCE}sh\ndeno task b\n${FENCE}\n\n` +
    `${FENCE}ts\ndeno task c\n${FENCE}\nEnd.\n`;
  const { prose, code } = splitDocument(markdown);
  assertEquals(code.split("\n").filter(Boolean), ["deno task b", "deno task a"]);
  assertEquals(prose.split(/\s+/).filter(Boolean), ["Run", "now.", "End."]);
});

Deno.test("anchorsOf() forms anchors as GitHub does and skips code", () => {
  const markdown = `# Getting started\n## What \`merge\` costs, in %\n${FENCE}sh\n# no\n${FENCE}\n`;
  assertEquals([...anchorsOf(markdown)], ["getting-started", "what-merge-costs-in-"]);
});

Deno.test("checkLinks() finds missing files and headings and leaves the rest alone", () => {
  const markdown = "# Use\n[a](lib/a.ts) [`b`](docs/b.md#x) [c](#use) [d](#abuse)\n" +
    "![p](p.png) [e](https://example.com/no) `[f](f.md)` [g](./lib/) [h](h%20i.md)\n";
  const there = new Set(["lib/a.ts", "lib/", "h i.md"]);
  assertEquals(checkLinks("README.md", markdown, (path) => there.has(path)), [
    "README.md links to docs/b.md, which is not there",
    "README.md links to its heading #abuse, which is not there",
    "README.md links to p.png, which is not there",
  ]);
});

Deno.test("checkNames() finds tasks and commands that do not exist", () => {
  const markdown = `${FENCE}sh\nnpx -y deno@2.9.6 task demo\ndeno task tinygraft merge a b\n` +
    `tinygraft graft x && tinygraft --help\nnpx deno@2.9.6 task dmo\n${FENCE}\n` +
    "Use `tinygraft check` or `deno task test:real`; tinygraft reads files.\n";
  const known = {
    tasks: new Set(["demo", "tinygraft", "test:real"]),
    commands: new Set(["merge", "check"]),
  };
  assertEquals(checkNames("README.md", markdown, known), [
    "README.md mentions deno task dmo, which does not exist",
    "README.md mentions tinygraft graft, which does not exist",
  ]);
});

Deno.test("checkCodes() names codes that stand only in the table", () => {
  const sources = new Map([
    ["lib/errors.ts", '"a-code": "x", "b-code": "y", "c-code": "z"\nsuper({ code: "b-code" })'],
    ["lib/a.ts", 'throw new TinygraftError("Cannot", { code: "a-code" })'],
  ]);
  assertEquals(checkCodes(["a-code", "b-code", "c-code"], sources, "lib/errors.ts"), [
    "lib/errors.ts: nothing uses the code c-code",
  ]);
});

Deno.test("checkChangelog() wants a heading with the version", () => {
  assertEquals(checkChangelog("# Changes\n\n## 0.1.0 (2026-01-01)\n", "0.1.0"), []);
  assertEquals(checkChangelog("## [0.1.0]\n", "0.1.0"), []);
  assertEquals(checkChangelog("## 0.1.00\nSince 0.1.0\n", "0.1.0"), [
    "CHANGELOG.md has no heading for version 0.1.0",
  ]);
});
