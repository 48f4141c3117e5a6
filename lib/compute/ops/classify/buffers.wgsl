// y[b, n] = sum_k x[starts[b], k] * weight[n, k] + bias[n]
//
// x: [tokens, K], weight: [N, K], bias: [N], y: [sequences, N]; four columns an entry; sums in f32.
// A workgroup computes four labels of a sequence; its invocations share K.
// Entry types, LANES and reduce are added. Dispatch: sequences by ceil(N / 4) workgroups.
override INNER: u32; // entries in a row of x and of weight
override OUTER: u32; // entries in a row of y
override COLS: u32; // N

@group(0) @binding(0) var<storage, read> x: array<Entry0>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> weight: array<Entry2>;
@group(0) @binding(3) var<storage, read> bias: array<Entry3>;
@group(0) @binding(4) var<storage, read_write> y: array<Entry4>;

fn load(label: u32, k: u32) -> vec4f {
  if (label < COLS) {
    return vec4f(weight[label * INNER + k]);
  }
  return vec4f(0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let row = starts[group.x];
  let label = 4 * group.y;
  var sum = vec4f(0);
  for (var k = lane; k < INNER; k += LANES) {
    let four = mat4x4f(load(label, k), load(label + 1, k), load(label + 2, k), load(label + 3, k));
    sum += vec4f(x[row * INNER + k]) * four;
  }
  let logits = total(lane, sum) + vec4f(bias[group.y]);
  if (lane == 0) {
    y[group.x * OUTER + group.y] = Entry4(logits);
  }
}
