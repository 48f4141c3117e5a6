// y[t] = KEEP * a[t] + G * (z[t] . weight^T) + bias,
// z[t, head] = sum_s softmax_s(q[t, head] . k[s, head] * SCALE) v[s, head], s in t's sequence
//
// a, y: f32 [tokens, H], qkv: f32 [tokens, 3E], q then k then v, weight: f32 [H, E], bias: f32 [H],
// E = HEADS * HEAD_DIM; four columns a texel.
// The softmax runs with its maximum and sum so far: sums are rescaled when the maximum grows.
// Lines with a $ mark are repeated: $m for each head, $i for each column of a head, $q for each
// texel of z. HEADS, HEAD_DIM, QUADS and four_rows are appended.
// Dispatch: one invocation a token, ceil(tokens / 8) workgroups.
override SCALE: f32;
override G: f32;
override KEEP: f32; // 1 where a is added, else 0
const E = HEADS * HEAD_DIM;

@group(0) @binding(0) var a: texture_2d<f32>;
@group(0) @binding(1) var qkv: texture_2d<f32>;
@group(0) @binding(2) var<storage, read> spans: array<vec2u>; // begin, end
@group(0) @binding(3) var weight: texture_2d<f32>;
@group(0) @binding(4) var bias: texture_2d<f32>;
@group(0) @binding(5) var y: texture_storage_2d<rgba32float, write>;

fn element(token: u32, column: u32) -> f32 {
  return textureLoad(qkv, vec2u(column / 4, token), 0)[column % 4];
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let token = id.x;
  let span = spans[token];
  if (span.x == span.y) {
    return; // past the last token
  }
  let q$m_$i = SCALE * element(token, $m * HEAD_DIM + $i);
  var z$m_$i = 0.0;
  var top$m = -3e38; // below every score
  var sum$m = 0.0;
  for (var s = span.x; s < span.y; s++) {
    var score$m = 0.0;
    score$m += q$m_$i * element(s, E + $m * HEAD_DIM + $i);
    let new_top$m = max(top$m, score$m);
    let shrink$m = exp(top$m - new_top$m);
    let weight$m = exp(score$m - new_top$m);
    top$m = new_top$m;
    sum$m = sum$m * shrink$m + weight$m;
    z$m_$i = z$m_$i * shrink$m + weight$m * element(s, 2 * E + $m * HEAD_DIM + $i);
  }
  var z: array<vec4f, QUADS>;
  z[($m * HEAD_DIM + $i) / 4][($m * HEAD_DIM + $i) % 4] = z$m_$i / sum$m;
  for (var n = 0u; n < textureDimensions(y).x; n++) {
    var delta = vec4f(0);
    delta += z[$q] * four_rows(weight, $q, 4 * n);
    delta = G * delta + textureLoad(bias, vec2u(n, 0), 0);
    textureStore(y, vec2u(n, token), KEEP * textureLoad(a, vec2u(n, token), 0) + delta);
  }
}
