// y[r, c] = weight[c] * (s[r, c] - mean_r) / sqrt(var_r + EPS) + bias[c], s = x + residual
//
// x, residual, y: f32 [rows, COLS], weight, bias: f32 [COLS]; four columns a texel.
// row_statistics is appended. Dispatch: one invocation a row, ceil(rows / 32) workgroups.
override COLS: u32;
override EPS: f32;
override RESIDUAL: bool = false;

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var residual: texture_2d<f32>; // x again where RESIDUAL is false
@group(0) @binding(2) var weight: texture_2d<f32>;
@group(0) @binding(3) var bias: texture_2d<f32>;
@group(0) @binding(4) var y: texture_storage_2d<rgba32float, write>;

fn load(texel: u32, row: u32) -> vec4f {
  let value = textureLoad(x, vec2u(texel, row), 0);
  if (RESIDUAL) {
    return value + textureLoad(residual, vec2u(texel, row), 0);
  }
  return value;
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  let size = textureDimensions(y);
  if (row >= size.y) {
    return;
  }
  let statistics = row_statistics(row);
  for (var t = 0u; t < size.x; t++) {
    let gain = textureLoad(weight, vec2u(t, 0), 0);
    let shift = textureLoad(bias, vec2u(t, 0), 0);
    let normalised = (load(t, row) - statistics.x) * statistics.y;
    textureStore(y, vec2u(t, row), gain * normalised + shift);
  }
}
