/**
 * Text for people: tables, bytes, shares and durations.
 *
 * @module
 */

import stringWidth from "string-width";

/** Bytes in decimal units, as the Hub and `ls --si` show them. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** A count with thousands separated. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/**
 * A count with its noun, which takes an s but for one.
 *
 * @param count How many.
 * @param noun What, for one of it, such as `row`.
 * @returns Such as `1 row` and `2,000 rows`.
 */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

const BARS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** A number in few characters: integers whole, the rest to four digits, `-` for none. */
export function formatNumber(value: number | bigint | null): string {
  if (value === null) return "-";
  const isShort = typeof value === "bigint" || (Number.isInteger(value) && Math.abs(value) < 1e9);
  return isShort ? `${value}` : `${Number(value.toPrecision(4))}`;
}

/**
 * Draws counts as a row of bars.
 *
 * @param counts One count a bar.
 * @returns A character each between two rules: a blank for none, the lowest bar for any at all.
 */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(...counts);
  const bars = counts.map((count) => BARS[Math.ceil((count / most) * (BARS.length - 1))] ?? " ");
  return `|${bars.join("")}|`;
}

/** A duration in the two largest units. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A share of one in percent, with as many digits as small shares need. */
export function formatShare(share: number): string {
  const percent = 100 * share;
  return `${percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)} %`;
}

/** How one column of a table is set. */
export type Alignment = "left" | "right";

/**
 * Sets rows as columns two spaces apart.
 *
 * @param header Column titles.
 * @param rows Cells, as many in each row as titles.
 * @param alignment One entry a column; missing ones are `left`.
 * @returns Lines without trailing spaces.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  alignment: readonly Alignment[] = [],
): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, stringWidth(line[column] ?? "")), 0)
  );
  return lines.map((line) =>
    widths.map((width, column) => {
      const cell = line[column] ?? "";
      const gap = " ".repeat(width - stringWidth(cell));
      return alignment[column] === "right" ? gap + cell : cell + gap;
    }).join("  ").trimEnd()
  ).join("\n");
}

/** What a terminal obeys instead of showing: controls, line separators, direction marks. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Escapes control characters of names that come from files, so that none reaches a terminal. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
