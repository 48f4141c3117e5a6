// Strided views by definition.

/** The storage index of every element, in C order, by definition. */
export function indices(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): number[] {
  let found = [offset];
  for (const [dim, size] of shape.entries()) {
    found = found.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[dim]!));
  }
  return found;
}
