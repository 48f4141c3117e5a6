// deno-lint-ignore-file camelcase -- config.json spells its keys in snake_case
import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { readHeadTask } from "../../lib/model/head_task.ts";

Deno.test("readHeadTask() reads the names of labels in the order of the rows", () => {
  const config = { id2label: { "1": "yes", "0": "no", "2": "maybe" } };
  assertEquals(readHeadTask(config, 3, "base"), {
    type: "classification",
    labels: ["no", "yes", "maybe"],
  });
});

Deno.test("readHeadTask() takes labels that nobody named for numbers", () => {
  const config = { id2label: { "0": "LABEL_0", "1": "LABEL_1" } };
  for (const json of [config, {}, { id2label: null, problem_type: null }]) {
    assertEquals(readHeadTask(json, 2, "base"), { type: "classification", labels: null });
  }
});

Deno.test("readHeadTask() takes one output for a score", () => {
  const config = { id2label: { "0": "LABEL_0" }, problem_type: "regression" };
  assertEquals(readHeadTask(config, 1, "base"), { type: "regression", labels: null });
});

Deno.test("readHeadTask() refuses heads that it would misread", () => {
  const cases = [
    [{ problem_type: "multi_label_classification" }, 3, "multi_label_classification"],
    [{ problem_type: "regression" }, 2, "2 outputs"],
    [{ id2label: { "0": "no", "1": "yes" } }, 3, "3 different names"],
    [{ id2label: { "0": "no", "1": "no" } }, 2, "2 different names"],
    [{ id2label: ["no", 1] }, 2, "2 different names"],
  ] as const;
  for (const [config, outputs, found] of cases) {
    const read = () => readHeadTask(config, outputs, "base");
    assertEquals(assertThrows(read, TinygraftError, found).code, "invalid-config");
  }
});
