// y[m, n] = activation(sum_k x[m, k] * weight[n, k] + bias[n]) + residual[m, n]
//
// x: f32 [rows, K], weight: f32 [N, K], bias: f32 [N], y: f32 [rows, N]; four columns a texel.
// An invocation computes a tile of ROWS rows by 4 * QUADS columns and keeps it in variables: each
// texel that it fetches is used QUADS or ROWS times. There is no workgroup memory and no barrier,
// which software drivers run slowly. Lines with a $ mark are repeated: $i for each row of the tile,
// $j for each four columns.
// ROWS, QUADS, four_rows and activation are appended.
// Dispatch: ceil(N / (8 * 4 * QUADS)) by ceil(rows / ROWS) workgroups.

override RESIDUAL: u32; // 1 when residual is added, 0 when it is not read

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var weight: texture_2d<f32>;
@group(0) @binding(2) var bias: texture_2d<f32>;
@group(0) @binding(3) var residual: texture_2d<f32>;
@group(0) @binding(4) var y: texture_storage_2d<rgba32float, write>;

// Stores four columns, unless they are past the end of the row.
fn store(quad: u32, row: u32, sum: vec4f) {
  if (quad < textureDimensions(y).x) {
    var value = activate(sum + textureLoad(bias, vec2u(quad, 0), 0));
    if (RESIDUAL == 1) {
      value += textureLoad(residual, vec2u(quad, row), 0);
    }
    textureStore(y, vec2u(quad, row), value);
  }
}

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x * QUADS;
  let row = id.y * ROWS;
  if (quad >= textureDimensions(y).x) {
    return;
  }
  var sum$i_$j = vec4f(0);
  let texels = textureDimensions(x).x;
  for (var k = 0u; k < texels; k++) {
    let x$i = textureLoad(x, vec2u(k, row + $i), 0);
    let w$j = four_rows(weight, k, 4 * (quad + $j));
    sum$i_$j += x$i * w$j;
  }
  store(quad + $j, row + $i, sum$i_$j);
}
