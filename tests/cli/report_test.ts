import { assertEquals, assertStringIncludes } from "@std/assert";
import { check } from "../../cli/check.ts";
import { parseCommandLine } from "../../cli/flags.ts";
import { merge } from "../../cli/merge.ts";
import { commandLine, reportEnvironment } from "../../cli/report.ts";
import { runCaptured, runJson } from "../_io.ts";
import { all, assertSound, tableRows } from "../report/_page.ts";
import { makeWorkspace } from "../_workspace.ts";

Deno.test("commandLine() writes what a shell reads back, without defaults", () => {
  const line = (argv: string[]) => commandLine(merge, parseCommandLine(merge, argv));
  assertEquals(line(["a", "b"]), "tinygraft merge a b");
  assertEquals(
    line(["my a", "b", "--heads=2", "--method", "product", "--fold", "--json"]),
    "tinygraft merge --method product --heads 2 --fold 'my a' b",
  );
  assertEquals(line(["--", "-a", "it's"]), `tinygraft merge -- -a 'it'\\''s'`);
  const data = ["base", "--before=-b", "--after", "$(rm)", "--max-drop", "0.005", "--data", "d"];
  assertEquals(
    commandLine(check, parseCommandLine(check, data)),
    "tinygraft check --before=-b --after '$(rm)' --data d --max-drop 0.005 base",
  );
});

Deno.test("reportEnvironment() names the device only where one was used", () => {
  const names = (...args: Parameters<typeof reportEnvironment>) =>
    reportEnvironment(...args).map(([name]) => name);
  assertEquals(names(), ["tinygraft", "Deno", "system"]);
  assertEquals(names({ name: "webgpu", description: "x" }).at(-1), "device");
});

Deno.test("check --report writes a page with the same numbers as --json", async () => {
  await using space = await makeWorkspace();
  const merged = space.at("merged");
  await runJson(["merge", space.adapter, merged, "--method", "average"]);
  const report = space.at("report.html");
  const argv = [
    ...["check", space.base, "--before", space.adapter, "--after", merged, "--data", space.data],
    ...["--device", "reference", "--report", report],
  ];
  const { code, json } = await runJson(argv);
  const page = await Deno.readTextFile(report);
  const root = await assertSound(page);
  assertEquals(all(root, "h1")[0]!.text, code === 0 ? "Check passed" : "Check failed");
  assertEquals(
    Object.keys(json).filter((key) => ["rows", "task", "predictions"].includes(key)),
    [],
  );
  const [drop] = tableRows(root, "The drop");
  assertEquals(Number(drop![1]!.replace("−", "-")), Math.round(1e4 * (json.drop as number)) / 100);
  assertStringIncludes(all(root, "code")[0]!.text, `--report ${report}`);
  assertEquals(tableRows(root, "Errors are relative").at(0)?.at(-1), "4 → 1");
  const again = await runJson([...argv, "--force"]);
  assertEquals(again.code, code);
  const repeated = await Deno.readTextFile(report);
  assertEquals(repeated.replace(" --force", ""), page);
});

Deno.test("check --report refuses an output that is there, an input, or the predictions", async () => {
  await using space = await makeWorkspace();
  const taken = space.at("taken.html");
  await Deno.writeTextFile(taken, "mine");
  const argv = (...flags: string[]) => [
    ...["check", space.base, "--before", space.adapter, "--after", space.adapter],
    ...["--data", space.data, "--device", "reference", ...flags],
  ];
  const existing = await runJson(argv("--report", taken));
  assertEquals([existing.code, (existing.json.error as Record<string, string>).code], [
    1,
    "output-exists",
  ]);
  assertEquals(await Deno.readTextFile(taken), "mine");
  const input = await runJson(argv("--report", space.data, "--force"));
  assertEquals((input.json.error as Record<string, string>).code, "output-is-input");
  const twice = space.at("twice");
  const both = await runCaptured(argv("--report", twice, "--predictions", twice));
  assertEquals(both.code, 2);
  assertStringIncludes(both.err, "name the same file");
});
