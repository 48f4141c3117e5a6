import { checkDev, checkStages } from "./_mini.ts";

Deno.test("WebGPU reproduces PyTorch at every stage", () => checkStages("webgpu"));

Deno.test("WebGPU reproduces PyTorch's dev results before and after averaging", () =>
  checkDev("webgpu"));
