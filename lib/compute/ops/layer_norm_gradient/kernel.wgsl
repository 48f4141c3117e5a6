// gradient[c] = sum_r dy[r, c] * (x[r, c] - mean_r) / deviation_r, gradient[COLS + c] = sum_r dy[r, c],
// an entry an item
//
// x, dy: [rows, COLS], statistics: [rows, (mean, 1 / deviation, 0, 0)], gradient: [2 * COLS].
// counts holds the rows. Lanes share the rows. Items: entries of a line of the gradient by lines.
override COLS: u32;
override WIDTH: u32; // entries in a line of the gradient
override FOLLOWS: u32; // which of counts

fn term(column: u32, row: u32) -> f32 {
  if (column >= 2 * COLS) {
    return 0.0;
  }
  let of_bias = column >= COLS;
  let c = select(column, column - COLS, of_bias);
  let slope = load_dy(c / 4, row)[c % 4];
  if (of_bias) {
    return slope;
  }
  let statistics = load_statistics(0, row);
  return slope * (load_x(c / 4, row)[c % 4] - statistics.x) * statistics.y;
}

fn compute(item: vec2u, lane: u32) {
  if (item.x >= WIDTH) {
    return;
  }
  let c = 4 * (item.y * WIDTH + item.x);
  var sum = vec4f(0);
  for (var row = lane; row < counts[FOLLOWS]; row += LANES) {
    sum += vec4f(term(c, row), term(c + 1, row), term(c + 2, row), term(c + 3, row));
  }
  let sums = total(lane, sum);
  if (lane == 0) {
    store_gradient(item.x, item.y, sums);
  }
}
