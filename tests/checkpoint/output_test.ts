import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkOutput, type OutputOptions } from "../../lib/checkpoint/output.ts";
import type { Plan } from "../../lib/checkpoint/plan.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { TempFolder } from "./_disk.ts";
import { filePlan, folderPlan } from "./_plans.ts";

function refused(plan: Plan, code: string, options: OutputOptions = {}): TinygraftError {
  const error = assertThrows(() => checkOutput(plan, options), TinygraftError);
  assertEquals([error.code, error.path], [code, plan.output]);
  return error;
}

const force = { force: true };

Deno.test("checkOutput() lets a new file and a new folder be written", () => {
  using folder = new TempFolder();
  const input = folder.write("base/model.safetensors", "");
  checkOutput(filePlan(folder.join("base/other.safetensors"), [], [input]));
  checkOutput(folderPlan(folder.join("out"), [], [folder.join("base"), input]));
  assertEquals(Object.keys(folder.snapshot()), ["base", "base/model.safetensors"]);
});

Deno.test("checkOutput() refuses an existing output, an empty folder too, unless forced", () => {
  using folder = new TempFolder();
  const file = folder.write("m.safetensors", "");
  Deno.mkdirSync(folder.join("out"));
  refused(filePlan(file, []), "output-exists");
  refused(folderPlan(folder.join("out"), []), "output-exists");
  checkOutput(filePlan(file, []), force);
  checkOutput(folderPlan(folder.join("out"), []), force);
});

Deno.test("checkOutput() refuses an input as output under any of its names", () => {
  using folder = new TempFolder();
  const input = folder.write("base/model.safetensors", "");
  Deno.symlinkSync(input, folder.join("symlink"));
  Deno.linkSync(input, folder.join("hardlink"));
  for (
    const name of [
      "base/model.safetensors",
      "base/../base//model.safetensors",
      "symlink",
      "hardlink",
    ]
  ) {
    for (const options of [{}, force]) {
      const error = refused(filePlan(folder.join(name), [], [input]), "output-is-input", options);
      assertStringIncludes(error.message, input);
    }
  }
});

Deno.test("checkOutput() refuses an output that is one of several inputs", () => {
  using folder = new TempFolder();
  const inputs = ["a", "b", "c"].map((name) => folder.write(name, ""));
  for (const input of inputs) refused(filePlan(input, [], inputs), "output-is-input", force);
});

Deno.test("checkOutput() refuses a folder that is an input or around one", () => {
  using folder = new TempFolder();
  const input = folder.write("base/deep/model.safetensors", "");
  Deno.symlinkSync(folder.join("base"), folder.join("alias"));
  for (const name of ["base", "base/deep", "base/deep/", "alias", "alias/deep"]) {
    const error = refused(folderPlan(folder.join(name), [], [input]), "output-is-input", force);
    assertStringIncludes(error.message, "contains the input");
  }
  refused(folderPlan(folder.join("alias"), [], [folder.join("base")]), "output-is-input", force);
});

Deno.test("checkOutput() refuses a folder around the symlink that an input is named by", () => {
  using folder = new TempFolder();
  folder.write("blobs/1234", "");
  Deno.mkdirSync(folder.join("snapshot"));
  Deno.symlinkSync("../blobs/1234", folder.join("snapshot/model.safetensors"));
  const inputs = [folder.join("snapshot/model.safetensors")];
  for (const name of ["snapshot", "blobs"]) {
    refused(folderPlan(folder.join(name), [], inputs), "output-is-input", force);
  }
});

Deno.test("checkOutput() refuses an output inside an input folder", () => {
  using folder = new TempFolder();
  folder.write("base/model.safetensors", "");
  Deno.mkdirSync(folder.join("base/sub"));
  Deno.symlinkSync(folder.join("base/sub"), folder.join("alias"));
  for (const output of ["base/out", "base/sub/out", "alias/out"]) {
    const plan = folderPlan(folder.join(output), [], [folder.join("base")]);
    const error = refused(plan, "output-is-input");
    assertStringIncludes(error.message, "inside the input folder");
  }
});

Deno.test("checkOutput() lets a folder be replaced that shares links with an input", () => {
  // The output of an earlier run that linked the base's shards: replacing it harms no input.
  using folder = new TempFolder();
  const input = folder.write("base/model.safetensors", "");
  Deno.mkdirSync(folder.join("out"));
  Deno.linkSync(input, folder.join("out/model.safetensors"));
  checkOutput(folderPlan(folder.join("out"), [], [folder.join("base"), input]), force);
});

Deno.test("checkOutput() replaces only folders of checkpoints", () => {
  using folder = new TempFolder();
  for (
    const name of [
      ...["config.json", "model.safetensors", "model-00001-of-00002.safetensors"],
      ...["model.safetensors.index.json", "adapter_config.json", "adapter_model.safetensors"],
      ...["tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"],
    ]
  ) {
    folder.write(`out/${name}`, "");
  }
  checkOutput(folderPlan(folder.join("out"), []), force);
  folder.write("out/thesis.tex", "");
  Deno.mkdirSync(folder.join("out/photos"));
  const error = refused(folderPlan(folder.join("out"), []), "foreign-files", force);
  assertStringIncludes(error.message, '"photos", "thesis.tex"');
});

Deno.test("checkOutput() counts the plan's own names as the checkpoint's", () => {
  using folder = new TempFolder();
  folder.write("out/README.md", "");
  const plan = folderPlan(folder.join("out"), []);
  refused(plan, "foreign-files", force);
  const readme = { kind: "copy" as const, path: "README.md", from: "x", byteLength: 0 };
  checkOutput({ ...plan, files: [...plan.files, readme] }, force);
});

Deno.test("checkOutput() refuses a file where a folder is, and a folder where a file is", () => {
  using folder = new TempFolder();
  const file = folder.write("file", "");
  Deno.mkdirSync(folder.join("folder"));
  refused(filePlan(folder.join("folder"), []), "unwritable-output", force);
  refused(folderPlan(file, []), "unwritable-output", force);
  refused(filePlan("/dev/null", []), "unwritable-output", force);
});

Deno.test("checkOutput() refuses a place without a folder around it", () => {
  using folder = new TempFolder();
  const file = folder.write("file", "");
  Deno.symlinkSync("nowhere", folder.join("dangling"));
  for (const output of [folder.join("no/out"), `${file}/out`, folder.join("dangling"), "", "/"]) {
    refused(filePlan(output, []), "unwritable-output");
    refused(folderPlan(output, []), "unwritable-output");
  }
});
