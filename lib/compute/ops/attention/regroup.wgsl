// y[t, g * TO + i] = i < FROM ? x[t, g * FROM + i] : 0
//
// Moves groups of FROM columns to groups of TO columns, so that heads whose columns are not a
// multiple of four begin at a texel (FROM < TO), and back (FROM > TO). Four columns a texel.
// Dispatch: ceil(texels of y / 8) by rows workgroups.
override FROM: u32;
override TO: u32;

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var y: texture_storage_2d<rgba32float, write>;

fn element(column: u32, row: u32) -> f32 {
  let group = column / TO;
  let i = column % TO;
  let source = group * FROM + i;
  if (i >= FROM || source / 4 >= textureDimensions(x).x) {
    return 0.0;
  }
  return textureLoad(x, vec2u(source / 4, row), 0)[source % 4];
}

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= textureDimensions(y).x) {
    return;
  }
  let c = 4 * id.x;
  let value = vec4f(
    element(c, id.y),
    element(c + 1, id.y),
    element(c + 2, id.y),
    element(c + 3, id.y),
  );
  textureStore(y, id.xy, value);
}
