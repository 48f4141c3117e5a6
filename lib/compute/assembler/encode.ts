/**
 * Bytes of the WebAssembly binary format (WebAssembly Core Specification 2.0, section 5).
 *
 * @module
 */

/**
 * Encodes an unsigned integer as LEB128.
 *
 * @param value A whole number, at least 0.
 * @returns Its bytes.
 */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + (rest >= 128 ? 128 : 0));
  }
  return bytes;
}

/**
 * Encodes a signed 32-bit integer as LEB128.
 *
 * @param value The integer; bits past the 32nd are dropped.
 * @returns Its bytes.
 */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0;;) {
    const low = rest & 127;
    rest >>= 7;
    // The last byte's bit 6 is the sign that a reader extends.
    if (rest === (low & 64 ? -1 : 0)) return [...bytes, low];
    bytes.push(low | 128);
  }
}

/**
 * Encodes a number as f32, little-endian.
 *
 * @param value The number; rounded to f32.
 * @returns Four bytes.
 */
export function float(value: number): number[] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  return [...new Uint8Array(view.buffer)];
}

/**
 * Encodes a list: its count, then its items.
 *
 * @param items Each item's bytes.
 * @returns The list's bytes.
 */
export function list(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

/**
 * Encodes a name: its length in bytes, then UTF-8.
 *
 * @param text The name.
 * @returns Its bytes.
 */
export function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...unsigned(bytes.length), ...bytes];
}

/**
 * Encodes a section: its number, its length in bytes, its content.
 *
 * @param id The section's number.
 * @param content Its content.
 * @returns The section's bytes.
 */
export function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}
