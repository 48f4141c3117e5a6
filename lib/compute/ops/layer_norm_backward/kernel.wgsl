// dx[r] = (g - mean(g) - n * mean(g * n)) / sqrt(var(s) + EPS), a row an item
//
// s = x + residual, n = (s - mean(s)) / sqrt(var(s) + EPS), g = weight * dy;
// x, residual, dy, dx: [rows, COLS], weight: [COLS]. counts holds the rows.
// shared_row_statistics is added. Items: rows, along x.
override COLS: u32;
override EPS: f32;
override RESIDUAL: bool; // else residual is x again
override FOLLOWS: u32; // which of counts

fn load(entry: u32, row: u32) -> vec4f {
  if (RESIDUAL) {
    return load_x(entry, row) + load_residual(entry, row);
  }
  return load_x(entry, row);
}

fn compute(item: vec2u, lane: u32) {
  let row = item.x;
  if (row >= counts[FOLLOWS]) {
    return;
  }
  let statistics = row_statistics(lane, row);
  let entries = (COLS + 3) / 4;
  var slopes = vec4f(0); // the weight is 0 past the last column
  var products = vec4f(0);
  for (var t = lane; t < entries; t += LANES) {
    let slope = load_weight(t, 0) * load_dy(t, row);
    slopes += slope;
    products += slope * (load(t, row) - statistics.x) * statistics.y;
  }
  let slope_mean = dot(total(lane, slopes), vec4f(1)) / f32(COLS);
  let product_mean = dot(total(lane, products), vec4f(1)) / f32(COLS);
  for (var t = lane; t < entries; t += LANES) {
    let slope = load_weight(t, 0) * load_dy(t, row);
    let normal = (load(t, row) - statistics.x) * statistics.y;
    let value = (slope - slope_mean - normal * product_mean) * statistics.y;
    store_dx(t, row, select(vec4f(0), value, inside(t)));
  }
}
