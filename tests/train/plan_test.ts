import { assert, assertEquals, assertRejects } from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { planTraining } from "../../lib/train/plan.ts";
import { makeWorkspace, ROWS } from "../_workspace.ts";

Deno.test("planTraining() counts steps, rows and parameters without writing anything", async () => {
  await using space = await makeWorkspace();
  const { base, data } = space;
  const options = { base, data, output: space.at("out"), evalData: data, epochs: 1.5, batch: 3 };
  const planned = await planTraining(options);
  const { steps, rows, evalRows, classes, inferred, parameters, share, plan } = planned;
  // Three steps a pass, half a pass more: 4.5, which is rounded.
  assertEquals([steps, rows, evalRows, inferred], [5, ROWS.length, ROWS.length, true]);
  assertEquals(classes.map(({ rows }) => rows), [5, 3]);
  assert(parameters === 2586 && share > 0.03 && share < 0.04, `${parameters} ${share}`);
  assertEquals(plan.files.map(({ path }) => path), [
    "adapter_config.json",
    "adapter_model.safetensors",
  ]);
});

Deno.test("planTraining() takes an adapter to go on from, and says that rows judge themselves", async () => {
  await using space = await makeWorkspace();
  const { base, data, adapter: from } = space;
  const said: string[] = [];
  const onWarning = (message: string) => void said.push(message);
  const options = { base, data, evalData: data, output: space.at("out"), from, onWarning };
  const { parameters } = await planTraining(options);
  assert(parameters > 0);
  assertEquals(said.length, 1);
  const shape = { heads: 2, headDim: 1, combine: "sum", sharedInit: false } as const;
  await assertRejects(() => planTraining({ ...options, adapter: shape }), UsageError, "both");
});

Deno.test("planTraining() takes 32 rows of 77 classes, none of which is lost", async () => {
  await using space = await makeWorkspace();
  const data = space.at("intents.csv");
  const rows = Array.from({ length: 5 * 77 }, (_, i) => `"the cat, ${i}",intent ${i % 77}`);
  await Deno.writeTextFile(data, `text,category\n${rows.join("\n")}\n`);
  const columns = { text: "text", label: "category" };
  const options = { base: space.base, output: space.at("out"), data, ...columns, limit: 32 };
  const planned = await planTraining({ ...options, epochs: 20, batch: 1 });
  assertEquals([planned.rows, planned.steps, planned.classes.length], [32, 640, 77]);
  const classifier = planned.plan.files.flatMap((file) =>
    file.kind === "safetensors" ? file.tensors.filter(({ name }) => /classifier.w/.test(name)) : []
  );
  assertEquals(classifier.map(({ shape }) => shape), [[77, 64]]);
});

Deno.test("planTraining() finds that a cloze question cannot be asked of a base", async () => {
  await using space = await makeWorkspace();
  const { base, data } = space;
  const head = { kind: "cloze", pattern: "{text} [MASK]", verbalizer: ["a", "it"] } as const;
  const options = { base, data, output: space.at("out"), head };
  await assertRejects(() => planTraining(options), TinygraftError);
});
