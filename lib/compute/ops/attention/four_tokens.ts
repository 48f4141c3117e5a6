/**
 * WGSL that the kernels of attention in training share.
 *
 * @module
 */

/**
 * Writes a function that loads one entry of four tokens.
 *
 * @param matrix The matrix's name in the kernel, which reads it by `load_NAME(entry, token)`.
 * @returns `four_NAME(entry, token, end) -> mat4x4f`, a token a column; past `end` the last token of
 * the sequence stands in.
 */
export function fourTokens(matrix: string): string {
  const columns = [0, 1, 2, 3].map((i) => {
    return `load_${matrix}(entry, ${i === 0 ? "token" : `min(token + ${i}, end - 1)`})`;
  });
  return `fn four_${matrix}(entry: u32, token: u32, end: u32) -> mat4x4f {
  return mat4x4f(${columns.join(", ")});
}
`;
}
