// Kills a writing process at random moments and looks at what is left.

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { execute } from "../../lib/checkpoint/execute.ts";
import { sha256 } from "../../lib/checkpoint/hash.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { seededRandom } from "../_noise.ts";
import { TempFolder } from "./_disk.ts";
import { copySteps, dataStep, filePlan, folderPlan } from "./_plans.ts";

const VICTIM = fromFileUrl(new URL("./_victim.ts", import.meta.url));
const KINDS = ["file", "folder"] as const;
type Kind = (typeof KINDS)[number];

/** What the killed processes left behind, in numbers of rounds. */
export interface KillReport {
  /** The old output was there, or still none where there was none. */
  old: number;
  /** The new output was there. */
  new: number;
  /** There was an unfinished output beside it, which the next run cleared away. */
  unfinished: number;
}

/** A checkpoint to be written and what it looks like once it is there. */
interface Content {
  readonly path: string;
  readonly looks: Readonly<Record<Kind, Record<string, string>>>;
}

/**
 * Kills `rounds` writers, each at a moment drawn between its beginning and a little after its
 * usual end, half of them replacing an older output. Fails unless every one leaves the old output
 * or the new, whole, and the next run clears the rest away.
 */
export async function killRounds(rounds: number, seed: number): Promise<KillReport> {
  using folder = new TempFolder();
  const random = seededRandom(seed);
  const older = await makeContent(folder, "older", random);
  const newer = await makeContent(folder, "newer", random);
  const usual = await kill("file", newer.path, folder.join("timed"), Infinity);
  const report: KillReport = { old: 0, new: 0, unfinished: 0 };
  for (let round = 0; round < rounds; round++) {
    const kind = KINDS[round % 2]!;
    const place = folder.join(`round-${round}`);
    await Deno.mkdir(place);
    const replaces = round % 4 >= 2;
    if (replaces) await write(kind, older.path, `${place}/out`);
    const before = replaces ? older.looks[kind] : {};
    await kill(kind, newer.path, `${place}/out`, random() * usual * 1.25);
    const found = lookAt(place);
    if (Object.keys(found.unfinished).length > 0) report.unfinished++;
    const isNew = Object.keys(found.output).length > 0 &&
      JSON.stringify(found.output) === JSON.stringify(newer.looks[kind]);
    if (!isNew) assertEquals(found.output, before, `seed ${seed}, round ${round}: ${kind}`);
    report[isNew ? "new" : "old"]++;
    await nextRun(kind, `${place}/out`);
    assertEquals(lookAt(place).unfinished, {}, `seed ${seed}, round ${round}: left ${kind}`);
    await Deno.remove(place, { recursive: true });
  }
  return report;
}

async function makeContent(
  folder: TempFolder,
  name: string,
  random: () => number,
): Promise<Content> {
  const tensors = Array.from({ length: 6 }, (_, i) => {
    const data = new Uint8Array(2 ** 21 + i).map(() => Math.floor(random() * 256));
    return { name: `${name}.${i}`, dtype: "U8" as const, shape: [data.length], data };
  });
  const path = folder.write(`${name}.safetensors`, serialize(tensors));
  const place = folder.join(`looks-${name}`);
  const looks = { file: {}, folder: {} };
  for (const kind of KINDS) {
    await Deno.mkdir(`${place}-${kind}`);
    await write(kind, path, `${place}-${kind}/out`);
    looks[kind] = lookAt(`${place}-${kind}`).output;
  }
  return { path, looks };
}

async function write(kind: Kind, from: string, output: string): Promise<void> {
  using checkpoint = await openCheckpoint(from);
  const planOf = kind === "file" ? filePlan : folderPlan;
  await execute(planOf(output, copySteps(checkpoint), [from]));
}

/** What the next run does first: it clears leftovers away, then it writes something small. */
async function nextRun(kind: Kind, output: string): Promise<void> {
  const one = dataStep("one", 1, () => Promise.resolve(Uint8Array.of(1)));
  const planOf = kind === "file" ? filePlan : folderPlan;
  await execute(planOf(output, [one]), { force: true });
}

/**
 * Starts a writer and kills it some milliseconds after it began, or lets it end.
 *
 * @returns How long it lived from its beginning, in milliseconds.
 */
async function kill(kind: Kind, from: string, output: string, after: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", VICTIM, kind, from, output],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read(); // it has begun
  const begun = performance.now();
  if (after < Infinity) {
    await new Promise((resolve) => setTimeout(resolve, Math.floor(after)));
    while (performance.now() - begun < after); // a timer alone would always hit whole milliseconds
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  const { success } = await child.status;
  const lived = performance.now() - begun;
  await reader.cancel();
  if (after === Infinity && !success) throw new Error("The writer failed by itself");
  return lived;
}

/** Path to SHA-256 of every file of the output, and of what is beside it. */
function lookAt(place: string) {
  const output: Record<string, string> = {};
  const unfinished: Record<string, string> = {};
  const walk = (path: string) => {
    for (const { name, isDirectory } of [...Deno.readDirSync(`${place}/${path}`)].sort(byName)) {
      const inner = `${path}${name}`;
      const found = inner.split("/")[0] === "out" ? output : unfinished;
      found[inner] = isDirectory ? "folder" : hashOf(`${place}/${inner}`);
      if (isDirectory) walk(`${inner}/`);
    }
  };
  walk("");
  return { output, unfinished };
}

function hashOf(path: string): string {
  const hash = sha256();
  hash.update(Deno.readFileSync(path));
  return hash.hex();
}

function byName(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return a.name < b.name ? -1 : 1;
}
