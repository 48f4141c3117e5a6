import { assert, assertEquals } from "@std/assert";
import { renderSarif } from "../../lib/gate/sarif.ts";
import { HOSTILE } from "./_outcomes.ts";
import { assertValid, keptValidator } from "./_schemas.ts";

const validate = await keptValidator("sarif-2.1.0.json");

const FILES = [
  {
    path: "models/a b.safetensors",
    faults: [
      { code: "invalid-offset", message: "tensors overlap", tensor: "x.weight" },
      { code: "duplicate-key", message: HOSTILE, tensor: HOSTILE },
    ],
    warnings: [{ code: "unaligned-header", message: "15 bytes" }],
  },
  { path: "models/sound.safetensors", faults: [], warnings: [] },
  {
    path: `/tmp/${HOSTILE}`,
    faults: [{ code: "invalid-offset", message: "a hole" }],
    warnings: [],
  },
  {
    path: "https://example.org/a/model.safetensors",
    faults: [],
    warnings: [{ code: "unaligned-tensor", message: "at 3", tensor: "w" }],
  },
] as const;

// deno-lint-ignore no-explicit-any -- the log is JSON, and its schema is what is tested
const run = (files: Parameters<typeof renderSarif>[0]): any =>
  JSON.parse(renderSarif(files)).runs[0];

Deno.test("renderSarif() keeps to the schema of SARIF 2.1.0", () => {
  assertValid(validate, JSON.parse(renderSarif(FILES)));
  assertValid(validate, JSON.parse(renderSarif([])));
  const broken = JSON.parse(renderSarif(FILES));
  delete broken.runs[0].results[0].message;
  assertEquals(validate(broken), false, "the schema sees what is missing");
});

Deno.test("renderSarif() tells faults as errors and warnings as warnings, each with its rule", () => {
  const { tool, results, artifacts } = run(FILES);
  assertEquals(
    results.map((result: { ruleId: string; level: string }) => [result.ruleId, result.level]),
    [
      ["invalid-offset", "error"],
      ["duplicate-key", "error"],
      ["unaligned-header", "warning"],
      ["invalid-offset", "error"],
      ["unaligned-tensor", "warning"],
    ],
  );
  for (const { ruleId, ruleIndex } of results) {
    assertEquals(tool.driver.rules[ruleIndex].id, ruleId);
  }
  assertEquals(
    tool.driver.rules.find(({ id }: { id: string }) => id === "invalid-offset").shortDescription,
    { text: "tensors leave a hole, overlap or share bytes" },
  );
  assertEquals(artifacts.length, FILES.length);
});

Deno.test("renderSarif() names files relative to the checkout and the tensor beside them", () => {
  const { results } = run(FILES);
  const places = results.map((result: { locations: unknown[] }) => result.locations[0]);
  assertEquals(places[0], {
    physicalLocation: {
      artifactLocation: { uri: "models/a%20b.safetensors", uriBaseId: "%SRCROOT%", index: 0 },
      region: { startLine: 1 },
    },
    logicalLocations: [{ fullyQualifiedName: "x.weight", kind: "object" }],
  });
  const uris = places.map((place: { physicalLocation: { artifactLocation: { uri: string } } }) =>
    place.physicalLocation.artifactLocation.uri
  );
  assertEquals(uris[4], "https://example.org/a/model.safetensors");
  assert(/^file:\/\/\/tmp\/a%7Cb%20/.test(uris[3]), uris[3]);
  assertEquals(run([{ path: "./x", faults: [], warnings: [] }]).artifacts[0].location.uri, "x");
});

Deno.test("renderSarif() gives the same finding the same fingerprint, and others another", () => {
  const { results } = run(FILES);
  const prints = results.map((result: { partialFingerprints: Record<string, string> }) =>
    result.partialFingerprints["codePathTensor/v1"]
  );
  assertEquals(new Set(prints).size, results.length);
  const [first] = FILES;
  const reworded = { ...first, faults: [{ ...first.faults[0], message: "now other words" }] };
  assertEquals(run([reworded]).results[0].partialFingerprints, results[0].partialFingerprints);
});
