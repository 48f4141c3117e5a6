import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Adapter, openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { checkMerge } from "../../lib/eval/check.ts";
import { checkedSoup, greedySoup } from "../../lib/eval/soup_check.ts";
import { writeTinyAdapter } from "../_tiny_model.ts";
import { makeWorkspace, ROWS, type Workspace } from "../_workspace.ts";
import { labelBy, scaleClassifier } from "./_rows.ts";

/** Opens adapters of a workspace by name, for the time of a test. */
async function withAdapters(
  space: Workspace,
  names: readonly string[],
  test: (adapters: Adapter[]) => Promise<void>,
): Promise<void> {
  using opened = new DisposableStack();
  const adapters: Adapter[] = [];
  for (const name of names) adapters.push(opened.use(await openAdapter(space.at(name))));
  await test(adapters);
}

Deno.test("greedySoup() leaves out a bad adapter and keeps those that do no harm", async () => {
  await using space = await makeWorkspace();
  const { base, data } = space;
  // The first adapter is right on all rows, its copy too; the bad one is wrong on all, and loudly
  // so: the mean of all three follows it.
  await labelBy(space, space.adapter);
  await writeTinyAdapter(space.at("bad"));
  await scaleClassifier(space.at("bad"), -9);
  await withAdapters(space, ["bad", "adapter", "adapter"], async (adapters) => {
    for (const ingredients of ["stack", "average", "aligned", "product"] as const) {
      const options = { ingredients, base, data, device: "reference" } as const;
      const out = space.at(ingredients);
      const { merge, measured, steps } = await greedySoup(adapters, out, options);
      assertEquals(
        steps.map(({ adapter, metric, before, kept }) => [adapter, metric, before, kept]),
        [
          [space.adapter, 1, null, true],
          [space.adapter, 1, 1, true],
          [space.at("bad"), 0, 1, false],
        ],
      );
      assert(steps[2]!.after < 1);
      assertEquals(merge.config.mergedFrom?.map(({ weight }) => weight), [0.5, 0.5]);
      assertEquals(merge.method, ingredients);
      assertEquals(measured.ingredients.map(({ metrics }) => metrics.accuracy), [0, 1, 1]);
      assertEquals([measured.best.adapter, measured.best.comparison.drop], [space.adapter, 0]);
      await execute(merge.plan);
      const files = { base, before: space.adapter, after: out, data, device: "reference" as const };
      assertEquals((await checkMerge({ ...files, maxDrop: 1 })).drop, 0);
    }
  });
});

Deno.test("greedySoup() writes the best adapter alone where no other helps", async () => {
  await using space = await makeWorkspace();
  await labelBy(space, space.adapter);
  await writeTinyAdapter(space.at("bad"), { numHeads: [1, 3] });
  await scaleClassifier(space.at("bad"), -9);
  await withAdapters(space, ["bad", "adapter"], async (adapters) => {
    const { base, data } = space;
    const options = { ingredients: "aligned", base, data, device: "reference" } as const;
    const { merge, measured, steps, ingredients } = await greedySoup(
      adapters,
      space.at("out"),
      options,
    );
    assertEquals([steps.map(({ kept }) => kept), ingredients], [[true, false], "aligned"]);
    assertEquals([merge.exact, merge.headsAfter], [true, 4]);
    assertEquals(merge.config.mergedFrom?.length, 1);
    assertEquals(measured.best.comparison.maxLogitDifference, 0);
  });
});

Deno.test("greedySoup() mixes adapters of different head counts", async () => {
  await using space = await makeWorkspace();
  await writeTinyAdapter(space.at("two"), { numHeads: 2, headDim: 2, seed: 5 });
  await labelBy(space, space.at("two"));
  await withAdapters(space, ["adapter", "two"], async (adapters) => {
    const { base, data } = space;
    const options = { ingredients: "stack", base, data, device: "reference" } as const;
    const { steps } = await greedySoup(adapters, space.at("out"), options);
    assertEquals(steps.map(({ adapter }) => adapter), [space.at("two"), space.adapter]);
  });
});

Deno.test("checkedSoup() measures the soup beside its adapters and their exact mean", async () => {
  await using space = await makeWorkspace();
  const { base, data } = space;
  await labelBy(space, space.adapter);
  await writeTinyAdapter(space.at("other"), { numHeads: 2, seed: 3 });
  await withAdapters(space, ["adapter", "other"], async (adapters) => {
    const options = { method: "product", weights: [3, 1], base, data } as const;
    const { merge, measured } = await checkedSoup(adapters, space.at("soup"), {
      ...options,
      device: "reference",
    });
    assertEquals(measured.comparison.examples, ROWS.length);
    assertEquals(measured.ingredients.map(({ adapter }) => adapter), [
      space.adapter,
      space.at("other"),
    ]);
    assertEquals(measured.ingredients[0]?.metrics.accuracy, 1);
    assertEquals(measured.best.adapter, space.adapter);
    // The soup against the best adapter is what check says of the two.
    await execute(merge.plan);
    const after = { before: space.adapter, after: space.at("soup") };
    const found = await checkMerge({ base, data, device: "reference", maxDrop: 1, ...after });
    assertEquals(measured.best.comparison.drop, found.drop);
    assertEquals(measured.best.comparison.maxLogitDifference, found.maxLogitDifference);
    // The exact mean is what stack writes.
    const stacked = await checkedSoup(adapters, space.at("stacked"), {
      ...options,
      method: "stack",
      device: "reference",
    });
    assertEquals(stacked.measured.comparison.after, measured.comparison.before);
    assert(stacked.measured.comparison.maxLogitDifference < 1e-5);
  });
});

Deno.test("greedySoup() refuses one adapter, and adapters of different tasks", async () => {
  await using space = await makeWorkspace();
  await writeTinyAdapter(space.at("score"), { labels: null });
  const { base, data } = space;
  const options = { ingredients: "aligned", base, data, device: "reference" } as const;
  await withAdapters(space, ["adapter", "score"], async (adapters) => {
    await assertRejects(() => greedySoup(adapters.slice(1), "out", options), UsageError);
    const error = await assertRejects(() => greedySoup(adapters, "out", options), TinygraftError);
    assertEquals(error.code, "task-mismatch");
  });
});
