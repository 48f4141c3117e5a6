// y[selected[b]] = x[b], every other row 0: an entry of all rows of a sequence an item
//
// x: [sequences, cols], y: [tokens, cols]. selected holds (token, token + 1, begin, end).
// Items: entries of a row by sequences.
override WIDTH: u32; // entries in a row

fn compute(item: vec2u, lane: u32) {
  if (item.x >= WIDTH) {
    return;
  }
  let span = selected[item.y];
  let value = load_x(item.x, item.y);
  for (var t = span.z; t < span.w; t++) {
    store_y(item.x, t, select(vec4f(0), value, t == span.x));
  }
}
