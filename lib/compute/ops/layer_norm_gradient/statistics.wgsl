// statistics[r] = (mean(x[r]), 1 / sqrt(var(x[r]) + EPS), 0, 0), a row an item
//
// x: [rows, COLS], statistics: [rows, 4]. counts holds the rows.
// shared_row_statistics is added. Items: rows, along x.
override COLS: u32;
override EPS: f32;
override FOLLOWS: u32; // which of counts

fn load(entry: u32, row: u32) -> vec4f {
  return load_x(entry, row);
}

fn compute(item: vec2u, lane: u32) {
  let row = item.x;
  if (row >= counts[FOLLOWS]) {
    return;
  }
  let result = row_statistics(lane, row);
  if (lane == 0) {
    store_statistics(0, row, vec4f(result, 0, 0));
  }
}
