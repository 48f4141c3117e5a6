// transformers runs an adapter by the code that we put beside it, and its logits are ours.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { FakeHub } from "../_fake_hub/hub.ts";
import { assertClose } from "../_close.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";

/** What to load, and what to run it on. */
interface Job {
  readonly model: string;
  readonly tokenizer: string;
  readonly texts: readonly string[];
  readonly targets?: readonly number[];
}

/** What transformers made of a job. */
interface Ran {
  readonly logits: readonly (readonly number[])[];
  readonly labels: readonly string[];
  /** Distances to one text at a time, a copy, and the model saved and loaded again. */
  readonly differences: readonly number[];
  readonly loss: number;
}

const FIXTURES = fromFileUrl(new URL("../../fixtures", import.meta.url));
const PEER = fromFileUrl(new URL("python_code_peer.py", import.meta.url));
const ARCHITECTURES = ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert"];
const TEXTS = ["Where is my order?", "I want to return the lamp, as it is broken", "no"];
const TOLERANCE = { atol: 1e-5, rtol: 1e-5 };

async function runInPython(jobs: readonly Job[], env: Record<string, string>): Promise<Ran[]> {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  assert(python, "no Python environment: run these tests with deno task test:real");
  const child = new Deno.Command(python, {
    args: [PEER],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { HF_HUB_DISABLE_XET: "1", ...env },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(jobs)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Holds transformers to the f64 reference. */
async function assertOurs(ran: Ran, base: string, adapter: string, name: string): Promise<void> {
  const argv = ["predict", base, "--adapter", adapter, "--device", "reference", ...TEXTS];
  const { code, json, err } = await runJson(argv);
  assertEquals(code, 0, err);
  const predictions = json.predictions as { logits: number[] }[];
  const want = predictions.map(({ logits }) => logits);
  assertEquals(ran.labels, json.labels, name);
  assertClose(ran.logits.flat(), want.flat(), TOLERANCE, name);
  assertClose(ran.differences, [0, 0, 0], TOLERANCE, name);
  // The mean over rows of -log softmax at class 0.
  const losses = want.map((row) =>
    Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[0]!
  );
  const loss = losses.reduce((sum, x) => sum + x, 0) / losses.length;
  assertClose([ran.loss], [loss], TOLERANCE, name);
}

async function succeed(argv: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const { code, err } = await runCaptured(argv, { env });
  assertEquals(code, 0, `${argv.join(" ")}: ${err}`);
}

Deno.test("transformers runs an exported adapter on the base of every architecture", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const cases = [
    { name: "mini", base: `${FIXTURES}/mini/encoder`, adapter: `${FIXTURES}/mini/adapter` },
    ...ARCHITECTURES.map((name) => {
      const base = `${FIXTURES}/architectures/${name}`;
      return { name: name.replace("-", "_"), base, adapter: `${base}/adapter` };
    }),
  ];
  const jobs: Job[] = [];
  for (const { name, base, adapter } of cases) {
    const model = `${folder}/${name}`;
    await succeed(["export", adapter, model, "--layout", "python", "--base", base]);
    jobs.push({ model, tokenizer: base, texts: TEXTS });
  }
  const env = { HF_HUB_OFFLINE: "1", HF_HOME: `${folder}/hf` };
  const results = await runInPython(jobs, env);
  for (const [i, { name, base, adapter }] of cases.entries()) {
    await assertOurs(results[i]!, base, adapter, name);
    // What was made for Python is an adapter of ours still.
    await assertOurs(results[i]!, base, `${folder}/${name}`, name);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("transformers runs modules in every place of a layer", async () => {
  await using space = await makeWorkspace();
  const jobs: Job[] = [];
  const cases = [
    ["albert", "parallel_attention"],
    ["albert", "parallel_layer"],
    ["bert", "parallel_layer"],
    ["distilbert", "parallel_feed_forward"],
    ["roberta", "parallel_attention"],
  ].map(([name, placement], i) => {
    const base = `${FIXTURES}/architectures/${name}`;
    return { base, placement: placement!, adapter: space.at(`adapter${i}`) };
  });
  for (const [i, { base, placement, adapter }] of cases.entries()) {
    await Deno.mkdir(adapter);
    await Deno.copyFile(
      `${base}/adapter/adapter_model.safetensors`,
      `${adapter}/adapter_model.safetensors`,
    );
    const config = JSON.parse(await Deno.readTextFile(`${base}/adapter/adapter_config.json`));
    await Deno.writeTextFile(
      `${adapter}/adapter_config.json`,
      JSON.stringify({ ...config, placement }),
    );
    const model = space.at(`python${i}`);
    await succeed(["export", adapter, model, "--layout", "python", "--base", base]);
    jobs.push({ model, tokenizer: base, texts: TEXTS });
  }
  const results = await runInPython(jobs, { HF_HUB_OFFLINE: "1", HF_HOME: space.at("hf") });
  for (const [i, { base, placement, adapter }] of cases.entries()) {
    await assertOurs(results[i]!, base, adapter, `${base} ${placement}`);
  }
});

Deno.test("transformers runs heads that differ by layer, and heads for scores", async () => {
  await using space = await makeWorkspace({}, { numHeads: [3, 1], headDim: 2, combine: "mean" });
  const scores = space.at("scores");
  await succeed(["init", space.base, scores, "--regression", "--seed", "1"]);
  const targets = [0.5, 4.25, -1];
  const jobs: Job[] = [];
  for (const [adapter, model] of [[space.adapter, "python"], [scores, "python-scores"]] as const) {
    const folder = space.at(model);
    await succeed(["export", adapter, folder, "--layout", "python", "--base", space.base]);
    const given = adapter === scores ? { targets } : {};
    jobs.push({ model: folder, tokenizer: space.base, texts: TEXTS, ...given });
  }
  const env = { HF_HUB_OFFLINE: "1", HF_HOME: space.at("hf") };
  const [layers, scored] = await runInPython(jobs, env);
  await assertOurs(layers!, space.base, space.adapter, "layers");
  await assertOurScores(scored!, space.base, scores, targets);
});

/** Holds a head for scores to the f64 reference; its loss is the mean of squared errors. */
async function assertOurScores(
  ran: Ran,
  base: string,
  adapter: string,
  targets: readonly number[],
): Promise<void> {
  const argv = ["predict", base, "--adapter", adapter, "--device", "reference", ...TEXTS];
  const { json } = await runJson(argv);
  const want = (json.predictions as { logits: number[] }[]).flatMap(({ logits }) => logits);
  assertEquals(want.length, 3);
  assertClose(ran.logits.flat(), want, TOLERANCE);
  assertClose(ran.differences, [0, 0, 0], TOLERANCE);
  const errors = want.map((score, i) => (score - targets[i]!) ** 2);
  assertClose([ran.loss], [(errors[0]! + errors[1]! + errors[2]!) / 3], TOLERANCE);
}

Deno.test("transformers loads what push --with-python put on the Hub, by its name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  await using hub = await FakeHub.start();
  const env = { HF_ENDPOINT: hub.url, HF_HOME: `${folder}/hf`, HF_TOKEN: WRITE_TOKEN };
  const jobs: Job[] = [];
  const cases = ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert"].map(
    (name) => {
      const base = `${FIXTURES}/architectures/${name}`;
      return { name, base, adapter: `${base}/adapter` };
    },
  );
  for (const { name, base, adapter } of cases) {
    const [bare, grafted] = [`${folder}/${name}-bare`, `${folder}/${name}-grafted`];
    await succeed(["convert", base, bare, "--exclude", "classifier.*"]);
    await succeed(["inject", bare, grafted, "--adapter", adapter, "--force"]);
    const push = ["push", grafted, `hf://org/${name}`, "--create", "--with-python"];
    await succeed(push, env);
    const again = await runCaptured(push, { env });
    assertEquals(again.out.includes("no commit was made"), true, again.out + again.err);
    jobs.push({ model: `org/${name}`, tokenizer: `org/${name}`, texts: TEXTS });
  }
  // An adapter alone, whose base is on the Hub, too.
  const [alone, python] = [`${folder}/alone`, `${folder}/python`];
  const { base, adapter } = cases[0]!;
  await succeed(["push", base, "hf://org/base", "--create"], env);
  await succeed(["export", adapter, python, "--layout", "python", "--base", "org/base"]);
  await succeed(["push", python, "hf://org/alone", "--create"], env);
  jobs.push({ model: "org/alone", tokenizer: "org/base", texts: TEXTS });
  const results = await runInPython(jobs, env);
  for (const [i, { name, base, adapter }] of cases.entries()) {
    await assertOurs(results[i]!, base, adapter, name);
  }
  await succeed(["pull", "hf://org/alone", alone], env);
  await assertOurs(results.at(-1)!, base, alone, "alone");
  await Deno.remove(folder, { recursive: true });
});
