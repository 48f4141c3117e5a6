import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/errors.ts";
import { findTask, TASKS } from "../../lib/text/tasks.ts";

Deno.test("findTask() accepts every spelling of a name", () => {
  for (const name of ["sst2", "SST-2", "Sst_2", "sst 2"]) {
    assertEquals(findTask(name).title, "SST-2");
  }
  for (const name of ["stsb", "STS-B"]) assertEquals(findTask(name).name, "stsb");
  for (const task of TASKS) assertEquals(findTask(task.title), task);
});

Deno.test("findTask() suggests a name when there is none", () => {
  const error = assertThrows(() => findTask("mrcp"), UsageError, 'did you mean "mrpc"?');
  assertEquals(error.code, "unknown-task");
});

Deno.test("TASKS gives each task its metric", () => {
  const metrics = TASKS.map(({ name, metric, alsoReport }) =>
    [name, metric, ...alsoReport].join(" ")
  );
  assertEquals(metrics, [
    "sst2 accuracy",
    "cola matthews",
    "mrpc accuracy f1",
    "rte accuracy",
    "stsb pearson spearman",
    "wnli accuracy",
    "qnli accuracy",
    "qqp accuracy f1",
    "mnli accuracy",
    "boolq accuracy",
    "cb accuracy macroF1",
  ]);
});

Deno.test("TASKS gives labels to classification only", () => {
  for (const { kind, labels } of TASKS) assertEquals(labels === null, kind === "regression");
  for (const { labels } of TASKS) assert(new Set(labels).size === (labels?.length ?? 0));
});
