// y = activation(x), an entry an item; with slope.wgsl also slope = activation'(x)
//
// x, y, slope: [rows, cols]. The activations of `linear` and `keep` are added. Items: entries of a
// line by lines.
override WIDTH: u32; // entries in a line

fn compute(item: vec2u, lane: u32) {
  if (item.x < WIDTH) {
    let v = load_x(item.x, item.y);
    store_y(item.x, item.y, activate(v));
    keep(item, v);
  }
}
