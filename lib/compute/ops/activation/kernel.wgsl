// y = activation(x), an entry an item
//
// x, y: [rows, cols]. The activations of `linear` are added. Items: entries of a line by lines.
override WIDTH: u32; // entries in a line

fn compute(item: vec2u, lane: u32) {
  if (item.x < WIDTH) {
    store_y(item.x, item.y, activate(load_x(item.x, item.y)));
  }
}
