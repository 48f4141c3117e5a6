// Gradients by central differences, for tests of what claims to be a derivative.

/** Step of the differences: its square and the rounding error over it are both about 1e-10. */
const STEP = 1e-5;

/** The gradient of `Σ dy · forward(x)` with respect to `x`, one number after the other. */
export function gradientByDifferences(
  forward: (x: Float64Array<ArrayBuffer>) => Float64Array<ArrayBuffer>,
  x: Float64Array<ArrayBuffer>,
  dy: Float64Array<ArrayBuffer>,
): Float64Array<ArrayBuffer> {
  const gradient = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const at = (shift: number) => forward(x.map((number, j) => j === i ? number + shift : number));
    const [above, below] = [at(STEP), at(-STEP)];
    // Differences before sums: most of the two results is the same.
    for (let j = 0; j < dy.length; j++) gradient[i]! += dy[j]! * (above[j]! - below[j]!);
    gradient[i]! /= 2 * STEP;
  }
  return gradient;
}

/** How near differences come to a derivative. */
export const DIFFERENCE_TOLERANCE = { atol: 1e-8, rtol: 1e-6 };
