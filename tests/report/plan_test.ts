import { assertEquals } from "@std/assert";
import { planReport } from "../../lib/report/plan.ts";

Deno.test("planReport() plans one file of the page's bytes", () => {
  const plan = planReport("<p>é</p>", "out/report.html", ["a"]);
  const [file, ...others] = plan.files;
  assertEquals([plan.output, plan.kind, plan.inputs, others], [
    "out/report.html",
    "file",
    ["a"],
    [],
  ]);
  assertEquals(file?.kind === "bytes" && new TextDecoder().decode(file.bytes), "<p>é</p>");
});
