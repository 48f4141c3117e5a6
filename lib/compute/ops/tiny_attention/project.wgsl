// qkv[t, n] = sum_k LN(a)[t, k] * weight[n, k] + bias[n]
//
// a: f32 [tokens, COLS], norm_weight, norm_bias: f32 [COLS], weight: f32 [N, COLS], bias: f32 [N],
// qkv: f32 [tokens, N]; four columns a texel.
// An invocation computes ROWS rows by 4 * QUADS columns, with the rows' statistics anew: N is small.
// Lines with a $ mark are repeated: $i for each row of the tile, $j for each four columns.
// ROWS, QUADS, four_rows and row_statistics are appended.
// Dispatch: ceil(tokens / (8 * ROWS)) by ceil(N / (4 * QUADS)) workgroups.
override COLS: u32;
override EPS: f32;

@group(0) @binding(0) var a: texture_2d<f32>;
@group(0) @binding(1) var norm_weight: texture_2d<f32>;
@group(0) @binding(2) var norm_bias: texture_2d<f32>;
@group(0) @binding(3) var weight: texture_2d<f32>;
@group(0) @binding(4) var bias: texture_2d<f32>;
@group(0) @binding(5) var qkv: texture_storage_2d<rgba32float, write>;

fn load(texel: u32, row: u32) -> vec4f {
  return textureLoad(a, vec2u(texel, row), 0);
}

// Stores four columns, unless they are past the end of the row.
fn store(quad: u32, row: u32, sum: vec4f) {
  if (quad < textureDimensions(qkv).x) {
    textureStore(qkv, vec2u(quad, row), sum + textureLoad(bias, vec2u(quad, 0), 0));
  }
}

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x * ROWS;
  let quad = id.y * QUADS;
  let size = textureDimensions(a);
  if (row >= size.y) {
    return;
  }
  let statistics$i = row_statistics(row + $i);
  var sum$i_$j = vec4f(0);
  for (var k = 0u; k < size.x; k++) {
    let gain = textureLoad(norm_weight, vec2u(k, 0), 0);
    let shift = textureLoad(norm_bias, vec2u(k, 0), 0);
    let u$i = gain * ((load(k, row + $i) - statistics$i.x) * statistics$i.y) + shift;
    let w$j = four_rows(weight, k, 4 * (quad + $j));
    sum$i_$j += u$i * w$j;
  }
  store(quad + $j, row + $i, sum$i_$j);
}
