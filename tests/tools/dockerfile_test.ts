// Docker is not there where tests run, so the file is read as Docker's own reference describes it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { exists, listFiles, ROOT } from "../../tools/files.ts";

/** The instructions of a Dockerfile: comments left out, continued lines joined. */
function instructions(text: string): { name: string; rest: string }[] {
  const lines = text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n")
    .replaceAll(/\\\n\s*/g, "").split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    assert(name !== undefined && rest !== undefined, `no instruction: ${line}`);
    return { name, rest };
  });
}

const read = (path: string) => Deno.readTextFileSync(`${ROOT}/${path}`);

Deno.test("the Dockerfile has instructions that Docker knows, the first of them FROM", () => {
  const found = instructions(read("Dockerfile"));
  assertEquals(found[0]?.name, "FROM");
  const known = ["FROM", "RUN", "WORKDIR", "COPY", "ENV", "ENTRYPOINT", "CMD"];
  for (const { name } of found) assert(known.includes(name), name);
  for (const { name, rest } of found) {
    if (name === "ENTRYPOINT" || name === "CMD") assert(Array.isArray(JSON.parse(rest)), rest);
    if (name === "ENV") assertMatch(rest, /^(?:[A-Z_]+=\S+ ?)+$/);
    if (name === "RUN") {
      assert(new Deno.Command("sh", { args: ["-nc", rest] }).outputSync().success);
    }
  }
});

Deno.test("the Dockerfile copies what exists and what reaches the builder", () => {
  const sent = read(".dockerignore").split("\n").filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  const copied = instructions(read("Dockerfile")).filter(({ name }) => name === "COPY")
    .flatMap(({ rest }) => rest.split(" ").slice(0, -1));
  assertEquals(copied.toSorted(), sent.toSorted());
  for (const path of copied) assert(exists(`${ROOT}/${path}`), path);
});

Deno.test("one version of Deno stands wherever one is named", () => {
  const places = [
    ...["Dockerfile", ".ci/run", "README.md", "CONTRIBUTING.md", "action.yml"],
    ...listFiles("docs", ".md"),
  ].filter((path) => exists(`${ROOT}/${path}`));
  const named = places.flatMap((path) =>
    [...read(path).matchAll(/deno(?:@|:[a-z]*-?)(\d+\.\d+\.\d+)/g)].map(([, version]) => version)
  );
  assert(named.length >= 3);
  assertEquals(new Set(named).size, 1, named.join(" "));
});
