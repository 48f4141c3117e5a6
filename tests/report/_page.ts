// Reads a report as a browser would, and holds it to what every report promises.

import { assert, assertEquals } from "@std/assert";
import { type DefaultTreeAdapterMap, parse } from "parse5";

type Node = DefaultTreeAdapterMap["node"];

/** An element of a page. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** The text inside, with that of its children. */
  readonly text: string;
  /** Every element inside, in order. */
  readonly inside: readonly Element[];
}

/** Parses a page by HTML's own algorithm; an error of the markup fails the test. */
export function parsePage(page: string): Element {
  const errors: string[] = [];
  const document = parse(page, {
    onParseError: ({ code, startLine, startCol }) => {
      errors.push(`${code} at ${startLine}:${startCol}`);
    },
  });
  assertEquals(errors, []);
  return elementOf(document);
}

function elementOf(node: Node): Element {
  const children = "childNodes" in node ? node.childNodes : [];
  const inside = children
    .filter((child) => "tagName" in child)
    .map(elementOf)
    .flatMap((child) => [child, ...child.inside]);
  const attributes = "attrs" in node ? node.attrs.map(({ name, value }) => [name, value]) : [];
  return {
    name: "tagName" in node ? node.tagName : "",
    attributes: new Map(attributes as [string, string][]),
    text: textOf(node),
    inside,
  };
}

function textOf(node: Node): string {
  if ("value" in node) return node.value;
  return "childNodes" in node ? node.childNodes.map(textOf).join("") : "";
}

/** The elements of one name, in order. */
export function all({ inside }: Element, name: string): Element[] {
  return inside.filter((element) => element.name === name);
}

/** The rows of a table whose caption begins so, each as its cells' texts, without the header. */
export function tableRows(page: Element, caption: string): string[][] {
  const table = all(page, "table").find((table) =>
    all(table, "caption")[0]?.text.startsWith(caption)
  );
  assert(table, `no table "${caption}"`);
  const rows = all(table, "tr").map(({ inside }) =>
    inside.filter(({ name }) => name === "th" || name === "td").map(({ text }) => text)
  );
  return rows.slice(1);
}

/** What a page may hold; whatever loads or sends is not among it, and scripts only by their hash. */
const HARMLESS = new Set(
  ("html head meta title style script body header nav main section h1 h2 p ul ol li dl div dt dd " +
    "span br pre a label input select option output " +
    "code table caption thead tbody tr th td figure figcaption details summary strong " +
    "svg g path rect line text circle").split(" "),
);

/** Asserts what every report promises: whole in itself, runs only its own script, readable aloud. */
export async function assertSound(page: string): Promise<Element> {
  const root = parsePage(page);
  assertEquals(
    [...new Set(root.inside.map(({ name }) => name))].filter((n) => !HARMLESS.has(n)),
    [],
  );
  for (const { name, attributes } of root.inside) {
    for (const [key, value] of attributes) {
      if (key === "href" && /^#[\w-]+$/.test(value)) continue;
      assert(!/^(?:on|href|src|style|action|xlink)/.test(key), `${name} has ${key}`);
      assert(!/url\(|javascript:/i.test(value), `${name} has ${key}="${value}"`);
    }
  }
  const [style, ...others] = all(root, "style");
  assert(style && others.length === 0);
  assert(!/url\(|@import/.test(style.text));
  const scripts = all(root, "script");
  assert(scripts.length <= 1);
  const [script] = await Promise.all(scripts.map(({ text }) => sha256(text)));
  const policy = all(root, "meta")
    .find(({ attributes }) => attributes.get("http-equiv") === "Content-Security-Policy");
  assertEquals(
    policy?.attributes.get("content"),
    `default-src 'none'; style-src 'sha256-${await sha256(style.text)}'; ` +
      (script === undefined ? "" : `script-src 'sha256-${script}'; `) +
      "base-uri 'none'; form-action 'none'",
  );
  assertReadable(root);
  return root;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toBase64();
}

function assertReadable(root: Element): void {
  assertEquals(all(root, "h1").length, 1);
  const ids = root.inside.flatMap(({ attributes }) => attributes.get("id") ?? []);
  assertEquals(new Set(ids).size, ids.length);
  for (const { attributes } of all(root, "a")) {
    assert(ids.includes(attributes.get("href")!.slice(1)), "a link leads nowhere");
  }
  for (const section of all(root, "section")) {
    assert(ids.includes(section.attributes.get("aria-labelledby") ?? ""));
  }
  for (const table of all(root, "table")) {
    assertEquals(all(table, "caption").length, 1);
    assert(all(table, "th").every(({ attributes }) => attributes.has("scope")));
    const widths = all(table, "tr").map(({ inside }) =>
      inside.filter(({ name }) => name === "th" || name === "td").length
    );
    assertEquals(new Set(widths).size, 1, `ragged: ${widths}`);
  }
  for (const svg of all(root, "svg")) {
    const named = svg.attributes.get("role") === "img" && svg.attributes.get("aria-label") !== "";
    assert(named || svg.attributes.get("aria-hidden") === "true");
    assert(
      !/NaN|undefined|Infinity/.test(JSON.stringify([...svg.inside].map((e) => [...e.attributes]))),
    );
  }
  const text = all(root, "body")[0]!.text;
  assert(!/\bNaN\b|\bundefined\b|\bInfinity\b|\[object/.test(text), "a value is missing");
}
