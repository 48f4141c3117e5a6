import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { clearLeftovers, type Observer, stagingPath } from "../../lib/checkpoint/leftovers.ts";
import { TempFolder } from "./_disk.ts";

const HERE = "0000beef";
const ELSEWHERE = "12345678";
const HOUR = 3_600_000;

/** Sees process 1 alive in its own scope, some time after now. */
function observer(later = 0): Observer {
  return { scope: HERE, isAlive: (pid) => pid === 1, now: () => Date.now() + later };
}

Deno.test("stagingPath() is hidden, beside the target, and different each time", () => {
  const path = stagingPath("/a/out.safetensors");
  assertStringIncludes(path, `/a/.out.safetensors.tinygraft-${Deno.pid}-`);
  assertNotEquals(path, stagingPath("/a/out.safetensors"));
});

Deno.test("stagingPath() stays within the system's limit for a long name", () => {
  for (const name of ["長".repeat(85), "\u{1f600}".repeat(63)]) {
    const staged = stagingPath(`/a/${name}`).slice(3);
    assert(new TextEncoder().encode(`${staged}.old`).byteLength <= 255);
    assert(staged.isWellFormed());
  }
});

Deno.test("stagingPath() keeps apart long names that begin alike", () => {
  const stem = "x".repeat(100);
  const [one, two] = [`/a/${stem}1`, `/a/${stem}2`].map((path) => stagingPath(path).split("-")[0]);
  assertNotEquals(one, two);
});

Deno.test("clearLeftovers() removes at once what dead runs of this machine left, and no more", () => {
  using folder = new TempFolder();
  const kept = [
    `.out.tinygraft-1-${HERE}-0000000a`, // its process lives
    `.other.tinygraft-9-${HERE}-0000000a`, // of another output
    `.out.tinygraft-9-${ELSEWHERE}-0000000a`, // may live in another container
    ".out.tinygraft-9-notes.txt", // not a name of ours
    `out.tinygraft-9-${HERE}-0000000a`,
  ];
  for (const name of kept) folder.write(name, "");
  folder.write(`.out.tinygraft-9-${HERE}-0000000a`, "");
  folder.write(`.out.tinygraft-8-${HERE}-0000000b/sub/model.safetensors`, "");
  clearLeftovers(folder.join("out"), observer());
  assertEquals(Object.keys(folder.snapshot()).sort(), kept.sort());
});

Deno.test("clearLeftovers() removes what other machines left once it is an hour old", () => {
  using folder = new TempFolder();
  folder.write(`.out.tinygraft-1-${ELSEWHERE}-0000000a`, "");
  folder.write(`.out.tinygraft-8-${ELSEWHERE}-0000000b/sub/model.safetensors`, "");
  const longAgo = Date.now() / 1000 - 7200;
  Deno.utimeSync(folder.join(`.out.tinygraft-8-${ELSEWHERE}-0000000b`), longAgo, longAgo);
  Deno.utimeSync(folder.join(`.out.tinygraft-8-${ELSEWHERE}-0000000b/sub`), longAgo, longAgo);
  const before = folder.snapshot();
  clearLeftovers(folder.join("out"), observer()); // the file in the subfolder is new
  assertEquals(folder.snapshot(), before);
  clearLeftovers(folder.join("out"), observer(2 * HOUR));
  assertEquals(folder.snapshot(), {});
});

Deno.test("clearLeftovers() puts back a folder set aside while the output is missing", () => {
  using folder = new TempFolder();
  const aside = `.out.tinygraft-9-${HERE}-0000000a.old`;
  folder.write(`${aside}/config.json`, "the only copy");
  clearLeftovers(folder.join("out"), observer());
  assertEquals(Object.keys(folder.snapshot()), ["out", "out/config.json"]);
  folder.write(`${aside}/config.json`, "replaced since");
  clearLeftovers(folder.join("out"), observer());
  assertEquals(Object.keys(folder.snapshot()), ["out", "out/config.json"]);
  assertEquals(Deno.readTextFileSync(folder.join("out/config.json")), "the only copy");
});

Deno.test("clearLeftovers() lets be what a live process set aside", () => {
  using folder = new TempFolder();
  folder.write(`.out.tinygraft-1-${HERE}-0000000a.old/config.json`, "");
  const before = folder.snapshot();
  clearLeftovers(folder.join("out"), observer(2 * HOUR));
  assertEquals(folder.snapshot(), before);
});

Deno.test("clearLeftovers() does nothing where it may not list the folder", () => {
  clearLeftovers("/no/such/folder/out");
});
