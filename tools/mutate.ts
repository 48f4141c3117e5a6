/**
 * `deno task mutate`: puts deliberate small faults into a copy of the checkout, one at a time, and
 * tells whether the tests catch them.
 *
 * `--only WORDS` takes the faults whose names or files hold the words, `--sample N --seed S` draws
 * N of them. The last line is `N of M caught`; the exit code is 1 when one was not, and when the
 * text that a fault replaces does not stand in its file exactly once.
 *
 * @module
 */

import { dirname } from "@std/path";
import { parseArgs } from "@std/cli/parse-args";
import { seededUint32 } from "../lib/tensor/random.ts";
import { exists, ROOT } from "./files.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { runProcess } from "./process.ts";
import { parseSummary, type Tally } from "./test_runner.ts";

/** How a fault fared. */
export type Fate =
  /** A test failed, as it should. */
  | "caught"
  /** All tests passed. */
  | "survived"
  /** The text to replace is not in the file, or several times. */
  | "stale"
  /** What stands there with the fault does not load, which any test would catch. */
  | "broken";

/**
 * Puts a fault into a text.
 *
 * @param text The file's content.
 * @param mutant The fault.
 * @returns The content with the fault; undefined when its text does not stand there exactly once.
 */
export function mutate(text: string, { from, to }: Mutant): string | undefined {
  const parts = text.split(from);
  return parts.length === 2 ? parts.join(to) : undefined;
}

/**
 * Draws some of a list.
 *
 * @param items The list.
 * @param count How many to draw; all when there are not so many.
 * @param seed Which of them.
 * @returns The drawn ones, in the order of the list.
 */
export function sample<T>(items: readonly T[], count: number, seed: number): T[] {
  const next = seededUint32(seed);
  const ranked = items.map((item, place) => ({ item, place, rank: next() }));
  const drawn = ranked.sort((a, b) => a.rank - b.rank).slice(0, count);
  return drawn.sort((a, b) => a.place - b.place).map(({ item }) => item);
}

/**
 * Chooses by words.
 *
 * @param mutants The faults.
 * @param words Text that a fault's name or file must hold; all of them when empty.
 * @returns Those that hold it.
 */
export function choose(mutants: readonly Mutant[], words: string): Mutant[] {
  return mutants.filter(({ name, file }) => name.includes(words) || file.includes(words));
}

/** Copies what the tests need: everything that Git tracks or would. */
async function copyCheckout(to: string): Promise<void> {
  const list = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { code, output } = await runProcess(list);
  if (code !== 0) throw new Error(`Cannot list the checkout's files: ${output}`);
  for (const path of output.split("\0").filter((path) => path !== "")) {
    await Deno.mkdir(dirname(`${to}/${path}`), { recursive: true });
    // A file may be deleted and still be tracked.
    if (exists(`${ROOT}/${path}`)) await Deno.copyFile(`${ROOT}/${path}`, `${to}/${path}`);
  }
}

/** Runs test files in the copy, until the first failure; undefined when they did not load. */
async function runTests(folder: string, tests: readonly string[]): Promise<Tally | undefined> {
  const command = [Deno.execPath(), "test", "-A", "--no-check", "--fail-fast", ...tests];
  return parseSummary((await runProcess(command, { cwd: folder })).output);
}

/** Tries one fault in a copy, and takes it out again. */
async function tryMutant(folder: string, mutant: Mutant): Promise<Fate> {
  const path = `${folder}/${mutant.file}`;
  const sound = exists(path) ? await Deno.readTextFile(path) : "";
  const faulty = mutate(sound, mutant);
  if (faulty === undefined) return "stale";
  await Deno.writeTextFile(path, faulty);
  const tally = await runTests(folder, mutant.tests);
  await Deno.writeTextFile(path, sound);
  if (tally === undefined) return "broken";
  return tally.failed > 0 ? "caught" : "survived";
}

async function run(mutants: readonly Mutant[]): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-mutants-" });
  try {
    await copyCheckout(folder);
    // Tests that fail anyway would catch anything.
    const tests = [...new Set(mutants.flatMap(({ tests }) => tests))].sort();
    const tally = await runTests(folder, tests);
    if (tally === undefined || tally.failed > 0) {
      console.log(`These tests fail without any fault: ${tests.join(" ")}`);
      return false;
    }
    let caught = 0;
    for (const mutant of mutants) {
      const fate = await tryMutant(folder, mutant);
      if (fate === "caught") caught++;
      console.log(`${fate}: ${mutant.name} (${mutant.file})`);
    }
    console.log(`${caught} of ${mutants.length} caught`);
    return caught === mutants.length;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["only", "sample", "seed"] });
  const chosen = choose(MUTANTS, String(args.only ?? ""));
  const count = args.sample === undefined ? chosen.length : Number(args.sample);
  if (chosen.length === 0) console.log(`No fault holds "${args.only}"`);
  const passed = chosen.length > 0 && await run(sample(chosen, count, Number(args.seed ?? 0)));
  Deno.exit(passed ? 0 : 1);
}
