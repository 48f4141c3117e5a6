
// Shared by kernels that normalise a row with a whole workgroup; they define COLS, EPS and
// `load(entry, row)`. reduce is appended.

fn inside(entry: u32) -> vec4<bool> {
  return 4 * entry + vec4u(0, 1, 2, 3) < vec4u(COLS);
}

// A row's mean and 1 / sqrt(variance + EPS), in two passes. The first is relative to the row's
// first element: a row of equal elements then has variance 0 exactly, however small EPS is.
fn row_statistics(lane: u32, row: u32) -> vec2f {
  let entries = (COLS + 3) / 4;
  let first = load(0, row).x;
  var sum = vec4f(0);
  for (var t = lane; t < entries; t += LANES) {
    sum += select(vec4f(0), load(t, row) - first, inside(t));
  }
  let mean = first + dot(total(lane, sum), vec4f(1)) / f32(COLS);
  var squares = vec4f(0);
  for (var t = lane; t < entries; t += LANES) {
    let centred = load(t, row) - mean;
    squares += select(vec4f(0), centred * centred, inside(t));
  }
  let variance = dot(total(lane, squares), vec4f(1)) / f32(COLS);
  return vec2f(mean, 1.0 / sqrt(variance + EPS));
}
