// y[t, g * TO + i] = i < FROM ? x[t, g * FROM + i] : 0
//
// Moves groups of FROM columns to groups of TO columns, so that heads whose columns are not a
// multiple of four begin at an entry (FROM < TO), and back (FROM > TO). Four columns an entry.
// Entry types are added. Dispatch: ceil(entries of a row of y / 32) by rows workgroups.
override FROM: u32;
override TO: u32;
override INNER: u32; // entries in a row of x
override OUTER: u32; // entries in a row of y

@group(0) @binding(0) var<storage, read> x: array<Entry0>;
@group(0) @binding(1) var<storage, read_write> y: array<Entry1>;

fn element(column: u32, row: u32) -> f32 {
  let group = column / TO;
  let i = column % TO;
  let source = group * FROM + i;
  if (i >= FROM || source / 4 >= INNER) {
    return 0.0;
  }
  return f32(x[row * INNER + source / 4][source % 4]);
}

@compute @workgroup_size(32, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= OUTER) {
    return;
  }
  let c = 4 * id.x;
  y[id.y * OUTER + id.x] = Entry1(vec4f(
    element(c, id.y),
    element(c + 1, id.y),
    element(c + 2, id.y),
    element(c + 3, id.y),
  ));
}
