// qkv[t, n] = sum_k LN(a)[t, k] * weight[n, k] + bias[n]
//
// a: [tokens, COLS], norm_weight, norm_bias: [COLS], weight: [N, COLS], bias: [N],
// qkv: [tokens, N]; four columns an entry; computed in f32.
// A workgroup computes a token; its invocations share k.
// Entry types, LANES, shared_row_statistics and reduce are added. Dispatch: a workgroup a token.
override COLS: u32;
override EPS: f32;
override OUTPUTS: u32; // N

@group(0) @binding(0) var<storage, read> a: array<Entry0>;
@group(0) @binding(1) var<storage, read> norm_weight: array<Entry1>;
@group(0) @binding(2) var<storage, read> norm_bias: array<Entry2>;
@group(0) @binding(3) var<storage, read> weight: array<Entry3>;
@group(0) @binding(4) var<storage, read> bias: array<Entry4>;
@group(0) @binding(5) var<storage, read_write> qkv: array<Entry5>;

fn load(entry: u32, row: u32) -> vec4f {
  return vec4f(a[row * ((COLS + 3) / 4) + entry]);
}

fn load_weight(output: u32, entry: u32) -> vec4f {
  if (output < OUTPUTS) {
    return vec4f(weight[output * ((COLS + 3) / 4) + entry]);
  }
  return vec4f(0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let row = group.x;
  let statistics = row_statistics(lane, row);
  let quads = (OUTPUTS + 3) / 4;
  for (var quad = 0u; quad < quads; quad++) {
    var sum = vec4f(0);
    for (var k = lane; k < (COLS + 3) / 4; k += LANES) {
      let normalised = (load(k, row) - statistics.x) * statistics.y;
      let u = vec4f(norm_weight[k]) * normalised + vec4f(norm_bias[k]);
      sum += u * mat4x4f(
        load_weight(4 * quad, k),
        load_weight(4 * quad + 1, k),
        load_weight(4 * quad + 2, k),
        load_weight(4 * quad + 3, k),
      );
    }
    let all = total(lane, sum);
    if (lane == 0) {
      qkv[row * quads + quad] = Entry5(all + vec4f(bias[quad]));
    }
  }
}
