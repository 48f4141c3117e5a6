import { assertEquals } from "@std/assert";
import { listFolderCompanions } from "../../lib/checkpoint/companions.ts";
import { TempFolder } from "./_disk.ts";

function write(folder: TempFolder, names: readonly string[]): void {
  for (const name of names) folder.write(name, "");
}

Deno.test("listFolderCompanions() lists subfolders without weights whole", async () => {
  using folder = new TempFolder();
  const kept = ["1_Pooling/config.json", "README.md", "assets/en/a.txt", "assets/logo.png"];
  write(folder, [...kept, "model.safetensors", "pytorch_model.bin", ".cache/x", "assets/.hidden"]);
  assertEquals(await listFolderCompanions(folder.path), kept);
});

Deno.test("listFolderCompanions() leaves other forms of the model out", async () => {
  using folder = new TempFolder();
  write(folder, [
    ...["config.json", "onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.xml"],
    ...["openvino/openvino_model.bin", "checkpoint-500/deep/optimizer.pt", "lora/a.safetensors"],
  ]);
  assertEquals(await listFolderCompanions(folder.path), ["config.json"]);
});

Deno.test("listFolderCompanions() takes along the modules that modules.json names", async () => {
  using folder = new TempFolder();
  const modules = [{ path: "" }, { path: "1_Pooling" }, { path: "./2_Dense/" }, 7, { idx: 3 }];
  folder.write("modules.json", JSON.stringify(modules));
  write(folder, ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"]);
  write(folder, ["3_Dense/model.safetensors"]);
  assertEquals(await listFolderCompanions(folder.path), [
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
    "modules.json",
  ]);
});

Deno.test("listFolderCompanions() lives with a modules.json that it cannot understand", async () => {
  using folder = new TempFolder();
  for (const text of ["{", "{}", "null", "[null]"]) {
    folder.write("modules.json", text);
    folder.write("2_Dense/model.safetensors", "");
    assertEquals(await listFolderCompanions(folder.path), ["modules.json"]);
  }
});

Deno.test("listFolderCompanions() follows symlinks to files, none to folders", async () => {
  using folder = new TempFolder();
  folder.write("blobs/1234", "");
  folder.write("model/1_Pooling/keep", "");
  await Deno.symlink("../../blobs/1234", folder.join("model/1_Pooling/config.json"));
  await Deno.symlink("..", folder.join("model/1_Pooling/loop"));
  await Deno.symlink("../blobs", folder.join("model/elsewhere"));
  await Deno.symlink("nowhere", folder.join("model/dangling"));
  const want = ["1_Pooling/config.json", "1_Pooling/keep"];
  assertEquals(await listFolderCompanions(folder.join("model")), want);
});
