// gradient[n * K + k] = sum_r dy[r, n] * x[r, k], gradient[N * K + n] = sum_r dy[r, n],
// an entry an item
//
// x: [rows, K], dy: [rows, N], gradient: [N * K + N]. counts holds the rows. Lanes share the rows.
// Items: entries of a line of the gradient by lines.
override INNER: u32; // K
override OUTER: u32; // N
override WIDTH: u32; // entries in a line of the gradient
override FOLLOWS: u32; // which of counts

fn slope(n: u32, row: u32) -> f32 {
  return load_dy(n / 4, row)[n % 4];
}

fn term(column: u32, row: u32) -> f32 {
  if (column < OUTER * INNER) {
    let k = column % INNER;
    return slope(column / INNER, row) * load_x(k / 4, row)[k % 4];
  }
  if (column < OUTER * INNER + OUTER) {
    return slope(column - OUTER * INNER, row);
  }
  return 0.0;
}

fn compute(item: vec2u, lane: u32) {
  if (item.x >= WIDTH) {
    return;
  }
  let c = 4 * (item.y * WIDTH + item.x);
  let rows = counts[FOLLOWS];
  var sum = vec4f(0);
  if (INNER % 4 == 0 && c < OUTER * INNER) {
    let n = c / INNER;
    let entry = (c % INNER) / 4;
    for (var row = lane; row < rows; row += LANES) {
      sum += slope(n, row) * load_x(entry, row);
    }
  } else {
    for (var row = lane; row < rows; row += LANES) {
      sum += vec4f(term(c, row), term(c + 1, row), term(c + 2, row), term(c + 3, row));
    }
  }
  let sums = total(lane, sum);
  if (lane == 0) {
    store_gradient(item.x, item.y, sums);
  }
}
