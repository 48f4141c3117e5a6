import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/errors.ts";
import { isRemote, parseAddress, showFolder } from "../../lib/remote/address.ts";

const ENDPOINT = new URL("https://huggingface.co");

function parse(location: string, endpoint = ENDPOINT) {
  const address = parseAddress(location, endpoint);
  const shown = showFolder(address);
  return address.kind === "hub"
    ? [address.id, address.revision, address.folder, address.file, shown]
    : [address.folder.href, address.file, shown];
}

Deno.test("isRemote() tells addresses from paths", () => {
  const addresses = ["hf://a/b", "https://h/x", "http://h", "HTTPS://h", "s3://bucket/x"];
  assertEquals(addresses.map(isRemote), addresses.map(() => true));
  const paths = ["a/b", "./hf:/x", "/https/x", "C:\\x", "c:/x", "", "model.safetensors", "a//b"];
  assertEquals(paths.map(isRemote), paths.map(() => false));
});

Deno.test("parseAddress() reads addresses of the Hub", () => {
  const none = undefined;
  assertEquals(parse("hf://org/name"), ["org/name", none, "", none, "hf://org/name"]);
  assertEquals(parse("hf://models/org/n-1.5"), ["org/n-1.5", none, "", none, "hf://org/n-1.5"]);
  assertEquals(parse("hf://org/name@v1/"), ["org/name", "v1", "", none, "hf://org/name@v1"]);
  assertEquals(
    parse("hf://org/name@refs/pr/3/sub/model.safetensors"),
    ["org/name", "refs/pr/3", "sub", "model.safetensors", "hf://org/name@refs/pr/3/sub"],
  );
  assertEquals(parse("hf://org/name@a%2Fb/sub")[1], "a/b");
  assertEquals(
    parse("hf://org/name/model.safetensors.index.json").slice(2, 4),
    ["", "model.safetensors.index.json"],
  );
});

for (
  const location of [
    "hf://",
    "hf://name",
    "hf:///name",
    "hf://org/",
    "hf://org/na me",
    "hf://org/-name",
    "hf://org/name.",
    "hf://org/a--b",
    "hf://org/a..b",
    "hf://org/name.git",
    `hf://org/${"x".repeat(97)}`,
    "hf://datasets/org/name",
    "hf://spaces/org",
    "hf://org/name@",
    "hf://org/name/../other",
    "hf://org/name/a//b",
    "hf://org/name/a\\b",
    "hf://org/name?x=1",
    "s3://bucket/key",
    "file:///etc/passwd",
    "https://",
    "https://user:secret@host/x",
  ]
) {
  Deno.test(`parseAddress() refuses ${location.slice(0, 40)}`, () => {
    const error = assertThrows(() => parseAddress(location, ENDPOINT), UsageError);
    assertEquals(error.message.includes("secret"), false);
  });
}

Deno.test("parseAddress() tells folders from files on web servers", () => {
  const none = undefined;
  assertEquals(parse("https://h:1/a/b"), ["https://h:1/a/b/", none, "https://h:1/a/b"]);
  assertEquals(parse("https://h/a/bge-v1.5/"), [
    "https://h/a/bge-v1.5/",
    none,
    "https://h/a/bge-v1.5",
  ]);
  assertEquals(parse("https://h"), ["https://h/", none, "https://h"]);
  assertEquals(
    parse("https://h/a/x%20y.safetensors#top"),
    ["https://h/a/", "x y.safetensors", "https://h/a"],
  );
});

Deno.test("parseAddress() takes a signed address for a file and never shows its query", () => {
  assertEquals(
    parse("https://h/blobs/1234?sig=secret"),
    ["https://h/blobs/?sig=secret", "1234", "https://h/blobs"],
  );
  assertEquals(parse("https://h/folder/?sas=secret")[1], undefined);
});

Deno.test("parseAddress() takes the Hub's own pages for what they show", () => {
  const hub = ["org/name", undefined, "", undefined, "hf://org/name"];
  assertEquals(parse("https://huggingface.co/org/name"), hub);
  assertEquals(
    parse("https://huggingface.co/org/name/blob/main/sub/model.safetensors"),
    ["org/name", "main", "sub", "model.safetensors", "hf://org/name@main/sub"],
  );
  assertEquals(parse("https://huggingface.co/org/name/tree/refs%2Fpr%2F1")[1], "refs/pr/1");
  assertEquals(parse("http://127.0.0.1:8/hub/org/name", new URL("http://127.0.0.1:8/hub")), hub);
  assertEquals(parse("https://huggingface.co/datasets/org/name").length, 3);
  assertEquals(parse("https://elsewhere.example/org/name").length, 3);
});
