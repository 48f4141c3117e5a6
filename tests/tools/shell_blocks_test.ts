import { assertEquals } from "@std/assert";
import { excuseOf, findShellBlocks, missingLine } from "../../tools/shell_blocks.ts";

const FENCE = "```";

Deno.test("findShellBlocks() finds commands, their lines, exit codes and shown output", () => {
  const markdown = `# A

${FENCE}sh
one
two
${FENCE}

It prints:

${FENCE}text
out
${FENCE}

<!-- exit 1 -->

${FENCE}sh
fails
${FENCE}

${FENCE}ts
no();
${FENCE}
`;
  assertEquals(findShellBlocks("a.md", markdown), [
    { path: "a.md", line: 4, script: "one\ntwo", exitCode: 0, output: "out" },
    { path: "a.md", line: 17, script: "fails", exitCode: 1, output: undefined },
  ]);
});

Deno.test("findShellBlocks() ends the reach of an exit mark and of output with the section", () => {
  const markdown = `<!-- exit 3 -->\n\nWords.\n\n${FENCE}sh\na\n${FENCE}\n\n## B\n\n` +
    `${FENCE}text\nnot of a\n${FENCE}\n`;
  assertEquals(findShellBlocks("a.md", markdown), [
    { path: "a.md", line: 6, script: "a", exitCode: 0, output: undefined },
  ]);
});

Deno.test("findShellBlocks() keeps what lies in longer fences out", () => {
  const inner = `${FENCE}sh\nrm -rf x\n${FENCE}`;
  assertEquals(findShellBlocks("a.md", `${FENCE}\`md\n${inner}\n${FENCE}\`\n`), []);
});

Deno.test("findShellBlocks() finds the blocks of list items, without their indent", () => {
  const markdown =
    `1. First:\n\n   ${FENCE}sh\n   one\n     two\n\n   three\n   ${FENCE}\n\n2. Second`;
  assertEquals(findShellBlocks("a.md", markdown), [
    { path: "a.md", line: 4, script: "one\n  two\n\nthree", exitCode: 0, output: undefined },
  ]);
});

Deno.test("missingLine() takes lines in order, any blanks, and an ellipsis for anything", () => {
  const printed = "metric  before\naccuracy   89.17\nnoise\n360 rows on wasm (2 threads)\n";
  assertEquals(missingLine("metric before\n\n360 rows on …", printed), undefined);
  assertEquals(missingLine("…\naccuracy 89.17", printed), undefined);
  assertEquals(missingLine("accuracy 89.17\nmetric before", printed), "metric before");
  assertEquals(missingLine("accuracy 89", printed), "accuracy 89");
  assertEquals(
    missingLine("360 rows on wasm .2 threads.", printed),
    "360 rows on wasm .2 threads.",
  );
});

Deno.test("excuseOf() matches a block by its document and first line", () => {
  const [block] = findShellBlocks("a.md", `${FENCE}sh\ngit push\nls\n${FENCE}\n`);
  const excuse = { path: "a.md", firstLine: "git push", reason: "needs a network" };
  assertEquals(excuseOf(block!, [excuse]), excuse);
  assertEquals(excuseOf(block!, [{ ...excuse, path: "b.md" }]), undefined);
  assertEquals(excuseOf(block!, [{ ...excuse, firstLine: "ls" }]), undefined);
  assertEquals(excuseOf(block!, [{ path: "a.md", reason: "all" }])?.reason, "all");
});
