// The shell steps of action.yml and of the reusable workflow, executed as they stand there.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { xmlFaults } from "../gate/_schemas.ts";
import { type Definition, evaluate, readDefinition, Runner, withDefaults } from "./_actions.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");

const folder = await Deno.makeTempDir({ prefix: "tinygraft action " }); // with spaces
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const workspace = join(folder, "checkout");
await Deno.mkdir(workspace);
await Deno.symlink(join(ROOT, "fixtures/mini"), join(workspace, "mini"));
let machines = 0;
/** A fresh machine, with what a checkout holds or with an empty folder. */
function runner(artifacts?: Map<string, string>, what: "checkout" | "empty" = "checkout"): Runner {
  const machine = join(folder, `machine ${++machines}`);
  const at = join(machine, "work space");
  Deno.mkdirSync(at, { recursive: true });
  if (what === "checkout") {
    for (const { name } of Deno.readDirSync(workspace)) {
      Deno.symlinkSync(join(workspace, name), join(at, name));
    }
  }
  return new Runner(machine, at, artifacts);
}

const SUITE = `version: 1
defaults: { base: mini/encoder, before: mini/adapter, data: mini/data/dev.tsv, device: wasm }
checks:
  - name: stack
    after: mini/stacked
    limit: 40
  - name: average
    after: mini/averaged
    limit: 40
`;

const PAIR = { base: "mini/encoder", before: "mini/adapter", data: "mini/data/dev.tsv" };

Deno.test("action.yml runs the checks of tinygraft.yaml and fails when one fails", async () => {
  await Deno.writeTextFile(join(workspace, "tinygraft.yaml"), SUITE);
  const machine = runner();
  const { code, log, outputs } = await machine.runAction(ROOT, {});
  assertEquals(code, 1, log);
  assertEquals(outputs.passed, "false");
  const result = JSON.parse(await Deno.readTextFile(outputs.result!));
  assertEquals(
    result.checks.map((check: { name: string; passed: boolean }) => [check.name, check.passed]),
    [["stack", true], ["average", false]],
  );
  assertStringIncludes(log, "### tinygraft check: 1 of 2 failed");
  assertEquals(log.match(/^::error file=tinygraft\.yaml,line=7,/gm)?.length, 1, log);
  const summary = await Deno.readTextFile(machine.summary);
  assertEquals(summary.trimEnd(), (await Deno.readTextFile(outputs.summary!)).trimEnd());
  const junit = await Deno.readTextFile(outputs.junit!);
  assertStringIncludes(junit, 'tests="2" failures="1"');
  assertEquals(await xmlFaults(junit, "junit-10.xsd"), []);
});

Deno.test("action.yml takes one check as inputs, and words that are no shell", async () => {
  const machine = runner();
  const evil = "$(touch evil) `touch evil`; touch evil";
  const { code, log, outputs } = await machine.runAction(ROOT, {
    ...PAIR,
    after: "mini/stacked",
    "max-drop": "0",
    device: "wasm",
    args: "--limit\n40\n",
  });
  assertEquals([code, outputs.passed], [0, "true"], log);
  assertEquals(JSON.parse(await Deno.readTextFile(outputs.result!)).examples, 40);
  const bad = await machine.runAction(ROOT, { ...PAIR, after: evil, device: "wasm", args: evil });
  assertEquals(bad.outputs.passed, "false");
  assert(
    !(await Array.fromAsync(Deno.readDir(machine.workspace))).some(({ name }) => name === "evil"),
  );
});

Deno.test("action.yml says so when tinygraft could not be called", async () => {
  const { code, log, outputs } = await runner().runAction(ROOT, { config: "nowhere.yaml" });
  assert(code !== 0);
  assertEquals(outputs.passed, "false");
  assertStringIncludes(log, "::error title=tinygraft check::It could not be run");
  assertStringIncludes(log, "nowhere.yaml");
});

/** Runs gate.yml's jobs in their order, the shards but for one that dies. */
async function runGate(given: Record<string, string>, dies?: string) {
  const workflow: Definition = await readDefinition(join(ROOT, ".github/workflows/gate.yml"));
  const inputs = withDefaults(workflow.on!.workflow_call, given);
  const { plan, shard, combine } = workflow.jobs!;
  const artifacts = new Map<string, string>();
  const planned = await runner(artifacts).runJob(plan!, { inputs }, ROOT);
  if (planned.code !== 0) return planned;
  const needs = { plan: planned };
  const shards: string[] = JSON.parse(
    evaluate("${{ needs.plan.outputs.shards }}", { needs }),
  );
  for (const [index, name] of shards.entries()) {
    if (name === dies) continue;
    const context = {
      inputs,
      needs,
      matrix: { shard: name },
      strategy: { "job-index": index },
    };
    const { code, log } = await runner(artifacts).runJob(shard!, context, ROOT);
    assertEquals(code, 0, log);
  }
  // The last machine has neither adapters nor data: predictions are enough.
  return await runner(artifacts, "empty").runJob(combine!, { inputs, needs }, ROOT);
}

Deno.test("gate.yml splits the rows over machines and judges them as one check", async () => {
  const given = { ...PAIR, after: "mini/stacked", shards: "3", "max-drop": "0" };
  const { code, log, outputs } = await runGate(given);
  assertEquals([code, outputs.passed], [0, "true"], log);
  assertStringIncludes(log, "| 360 | ✅ passed |");
});

Deno.test("gate.yml fails naming the rows of a machine that died", async () => {
  const given = { ...PAIR, after: "mini/stacked", shards: "2" };
  const { code, log, outputs } = await runGate(given, "2/2");
  assertEquals([code, outputs.passed], [1, "false"], log);
  assertStringIncludes(log, "shard 2/2");
});

Deno.test("gate.yml refuses a number of machines that is none", async () => {
  const { code, log } = await runGate({ ...PAIR, after: "mini/stacked", shards: "0; touch evil" });
  assertEquals(code, 1);
  assertStringIncludes(log, "expected 1 to 256");
});
