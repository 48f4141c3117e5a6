/**
 * `deno task test:docs [DOCUMENT...]`: runs every shell block of the documents, file by file, in
 * the order of each file, and builds the documentation's site. Nothing it does needs the network.
 * The last line is `N passed, N failed`.
 *
 * @module
 */

import type { FakeHub } from "../tests/_fake_hub/hub.ts";
import { checkSite } from "./docs_site_check.ts";
import { buildSite } from "./docs_site.ts";
import { exists, listFiles, readFiles, ROOT } from "./files.ts";
import {
  type AllowedBlock,
  excuseOf,
  findShellBlocks,
  missingLine,
  type ShellBlock,
} from "./shell_blocks.ts";
import { ShellWorkspace, startDocumentHub } from "./shell_workspace.ts";
import { sum, type Tally } from "./test_runner.ts";

/** Documents that run side by side: each of their commands computes mostly on one core. */
const LANES = 2;

/** Every block that is not run, and why. */
const NOT_RUN: readonly AllowedBlock[] = [
  {
    path: "README.md",
    firstLine: "npx -y deno@2.9.6 task test       # all tests; installs Mesa on Debian as root",
    reason: "these are the other steps of CI, and a server that runs until it is stopped",
  },
  {
    path: "docs/guides/train.md",
    firstLine: "uv run run/train.py --folder run --output trained-by-torch",
    reason: "installs PyTorch",
  },
  {
    path: "docs/guides/train.md",
    firstLine: "hf jobs uv run --flavor l4x1 --secrets HF_TOKEN -v ./run:/run run/train.py \\",
    reason: "rents a machine of Hugging Face",
  },
  { path: "docs/releasing.md", reason: "a person publishes, once for each version" },
];

/** The documents whose blocks run, or those of them that were asked for. */
function documents(asked: readonly string[]): string[] {
  const all = ["README.md", ...listFiles("docs", ".md")];
  return asked.length === 0 ? all : all.filter((path) => asked.includes(path));
}

/** Runs the blocks of one document; the first that fails ends it, as the rest builds on it. */
async function runDocument(path: string, blocks: readonly ShellBlock[], hub: FakeHub) {
  await using workspace = await ShellWorkspace.make(hub);
  let passed = 0;
  for (const block of blocks) {
    const start = performance.now();
    const { code, output } = await workspace.run(block);
    const fault = faultOf(block, code, output);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${fault === undefined ? "ok" : "FAILED"} ${path}:${block.line} (${seconds} s)`);
    if (fault === undefined) {
      passed++;
      continue;
    }
    console.log(`${fault}. It ran:\n${block.script}\nand printed:\n${output.trimEnd()}\n`);
    return { passed, failed: 1 };
  }
  return { passed, failed: 0 };
}

function faultOf(
  { exitCode, output: shown }: ShellBlock,
  code: number,
  output: string,
): string | undefined {
  if (code !== exitCode) return `It ended with ${code}, expected ${exitCode}`;
  const line = shown === undefined ? undefined : missingLine(shown, output);
  return line === undefined ? undefined : `The document shows a line that is not there: ${line}`;
}

/** Sorts out what is run, and says what is not. */
function chooseBlocks(documents: ReadonlyMap<string, string>): Map<string, ShellBlock[]> {
  const chosen = new Map<string, ShellBlock[]>();
  for (const [path, markdown] of documents) {
    const blocks = findShellBlocks(path, markdown);
    for (const block of blocks) {
      const excuse = excuseOf(block, NOT_RUN);
      if (excuse) console.log(`not run: ${path}:${block.line}: ${excuse.reason}`);
    }
    const run = blocks.filter((block) => excuseOf(block, NOT_RUN) === undefined);
    if (run.length > 0) chosen.set(path, run);
  }
  return chosen;
}

/** Excuses for blocks that are no longer there would excuse others unseen. */
function staleExcuses(documents: ReadonlyMap<string, string>): Tally {
  const stale = NOT_RUN.filter((entry) => {
    const markdown = documents.get(entry.path);
    if (markdown === undefined) return false;
    return !findShellBlocks(entry.path, markdown).some((block) => excuseOf(block, [entry]));
  });
  for (const { path, firstLine } of stale) {
    console.log(`FAILED ${path} has no block that begins with: ${firstLine}`);
  }
  return { passed: 0, failed: stale.length };
}

async function runBlocks(texts: ReadonlyMap<string, string>): Promise<Tally[]> {
  await using hub = await startDocumentHub();
  const waiting = [...chooseBlocks(texts)];
  const tallies: Tally[] = [];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      tallies.push(await runDocument(...next, hub));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return tallies;
}

/** Builds the site into a temporary folder and looks through it. */
async function testSite(): Promise<Tally> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-site-" });
  try {
    const start = performance.now();
    await buildSite(folder);
    const { pages, faults } = checkSite(folder);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    for (const fault of faults) console.log(`FAILED site: ${fault}`);
    if (faults.length === 0) console.log(`ok site: ${pages} pages (${seconds} s)`);
    return { passed: faults.length === 0 ? 1 : 0, failed: faults.length };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const asked = Deno.args.map((path) => path.replace(/^\.\//, ""));
  const unknown = asked.filter((path) => !exists(`${ROOT}/${path}`));
  for (const path of unknown) console.error(`No ${path}`);
  const texts = readFiles(documents(asked));
  const tallies = [staleExcuses(texts), ...await runBlocks(texts)];
  if (asked.length === 0) tallies.push(await testSite());
  const { passed, failed } = sum([...tallies, { passed: 0, failed: unknown.length }]);
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exit(failed > 0 ? 1 : 0);
}
