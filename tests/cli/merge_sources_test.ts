import { assertEquals } from "@std/assert";
import { headOwners } from "../../cli/merge_sources.ts";
import type { MergeSource } from "../../lib/report/merge_report.ts";
import { adapterConfig } from "../merge/_adapters.ts";

function source(adapter: string, heads: MergeSource["heads"], weight = 0.5): MergeSource {
  return { adapter, heads, weight, contentHash: "00" };
}

Deno.test("headOwners() counts through the adapters that are in the soup", () => {
  const sources = [source("a", 4), source("out", 2, 0), source("b\n", 1), source("c", [2, 2])];
  assertEquals(headOwners(sources, adapterConfig()), "0 to 3 of a, 4 of b\\u000a, 5 to 6 of c");
});

Deno.test("headOwners() says how to count where layers differ in heads", () => {
  const sources = [source("a", 4), source("b", [1, 2])];
  assertEquals(
    headOwners(sources, adapterConfig()),
    "numbered through the adapters in the order given",
  );
});
