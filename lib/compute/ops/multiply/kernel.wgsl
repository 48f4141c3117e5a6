// y = x * factor, an entry an item
//
// x, factor, y: [rows, cols]. Items: entries of a line by lines.
override WIDTH: u32; // entries in a line

fn compute(item: vec2u, lane: u32) {
  if (item.x < WIDTH) {
    store_y(item.x, item.y, load_x(item.x, item.y) * load_factor(item.x, item.y));
  }
}
