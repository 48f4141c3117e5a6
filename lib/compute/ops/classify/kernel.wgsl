// y[b, n] = sum_k x[starts[b], k] * weight[n, k] + bias[n]
//
// x: f32 [tokens, K], weight: f32 [N, K], bias: f32 [N], y: f32 [sequences, N]; four columns a
// texel. four_rows is appended.
// Dispatch: one invocation a sequence and four labels, ceil(sequences / 8) by ceil(N / 4)
// workgroups.
@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var weight: texture_2d<f32>;
@group(0) @binding(3) var bias: texture_2d<f32>;
@group(0) @binding(4) var y: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = starts[id.x];
  var sum = textureLoad(bias, vec2u(id.y, 0), 0);
  for (var k = 0u; k < textureDimensions(x).x; k++) {
    sum += textureLoad(x, vec2u(k, row), 0) * four_rows(weight, k, 4 * id.y);
  }
  textureStore(y, id.yx, sum);
}
