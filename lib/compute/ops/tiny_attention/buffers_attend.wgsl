// y[t] = KEEP * a[t] + G * (z[t] . weight^T) + bias,
// z[t, head] = sum_s softmax_s(q[t, head] . k[s, head] * SCALE) v[s, head], s in t's sequence
//
// a, y: [tokens, H], qkv: [tokens, 3E], q then k then v, weight: [H, E], bias: [H],
// E = HEADS * HEAD_DIM; four columns an entry; computed in f32.
// A workgroup handles TOKENS tokens: first each invocation some heads of some tokens, with the
// softmax's maximum and sum so far; then all of them the output, entry by entry.
// Lines with a $ mark are repeated: $i for each column of a head.
// HEADS, HEAD_DIM and entry types are added. Dispatch: ceil(tokens / TOKENS) workgroups.
override SCALE: f32;
override G: f32;
override KEEP: f32; // 1 where a is added, else 0
override OUTER: u32; // entries in a row of a and of y
override COLS: u32; // H
const LANES = 64u;
const TOKENS = 16u;
const E = HEADS * HEAD_DIM;
const QUADS = (E + 3) / 4;
const QKV_QUADS = (3 * E + 3) / 4;

@group(0) @binding(0) var<storage, read> a: array<Entry0>;
@group(0) @binding(1) var<storage, read> qkv: array<Entry1>;
@group(0) @binding(2) var<storage, read> spans: array<vec2u>; // begin, end
@group(0) @binding(3) var<storage, read> weight: array<Entry3>;
@group(0) @binding(4) var<storage, read> bias: array<Entry4>;
@group(0) @binding(5) var<storage, read_write> y: array<Entry5>;

var<workgroup> z: array<f32, TOKENS * 4 * QUADS>; // zero past E

fn element(token: u32, column: u32) -> f32 {
  return f32(qkv[token * QKV_QUADS + column / 4][column % 4]);
}

fn attend(slot: u32, token: u32, head: u32) {
  let span = spans[token];
  let column = head * HEAD_DIM;
  let q$i = SCALE * element(token, column + $i);
  var z$i = 0.0;
  var top = -3e38; // below every score
  var sum = 0.0;
  for (var s = span.x; s < span.y; s++) {
    var score = 0.0;
    score += q$i * element(s, E + column + $i);
    let new_top = max(top, score);
    let shrink = exp(top - new_top);
    let share = exp(score - new_top);
    top = new_top;
    sum = sum * shrink + share;
    z$i = z$i * shrink + share * element(s, 2 * E + column + $i);
  }
  z[slot * 4 * QUADS + column + $i] = z$i / sum;
}

fn load_weight(row: u32, quad: u32) -> vec4f {
  if (row < COLS) {
    return vec4f(weight[row * QUADS + quad]);
  }
  return vec4f(0);
}

fn update(slot: u32, entry: u32) -> vec4f {
  var delta = vec4f(0);
  for (var q = 0u; q < QUADS; q++) {
    let at = (slot * QUADS + q) * 4;
    delta += vec4f(z[at], z[at + 1], z[at + 2], z[at + 3]) * mat4x4f(
      load_weight(4 * entry, q),
      load_weight(4 * entry + 1, q),
      load_weight(4 * entry + 2, q),
      load_weight(4 * entry + 3, q),
    );
  }
  return G * delta + vec4f(bias[entry]);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * TOKENS;
  let tokens = min(TOKENS, arrayLength(&y) / OUTER - first);
  for (var i = lane; i < tokens * HEADS; i += LANES) {
    attend(i / HEADS, first + i / HEADS, i % HEADS);
  }
  workgroupBarrier();
  for (var i = lane; i < tokens * OUTER; i += LANES) {
    let at = first * OUTER + i;
    y[at] = Entry5(KEEP * vec4f(a[at]) + update(i / OUTER, i % OUTER));
  }
}
