
// Shared by kernels that normalise rows; they define COLS, EPS and `load(texel, row)`.

// A row's mean and 1 / sqrt(variance + EPS), in two passes. The first is relative to the row's
// first element: a row of equal elements then has variance 0 exactly, however small EPS is.
fn row_statistics(row: u32) -> vec2f {
  let texels = (COLS + 3) / 4;
  let first = load(0, row).x;
  var sum = vec4f(0);
  for (var t = 0u; t < texels; t++) {
    sum += select(vec4f(0), load(t, row) - first, 4 * t + vec4u(0, 1, 2, 3) < vec4u(COLS));
  }
  let mean = first + dot(sum, vec4f(1)) / f32(COLS);
  var squares = vec4f(0);
  for (var t = 0u; t < texels; t++) {
    let centred = load(t, row) - mean;
    squares += select(vec4f(0), centred * centred, 4 * t + vec4u(0, 1, 2, 3) < vec4u(COLS));
  }
  return vec2f(mean, 1.0 / sqrt(dot(squares, vec4f(1)) / f32(COLS) + EPS));
}
