// y[r, c] = weight[c] * (s[r, c] - mean_r) / sqrt(var_r + EPS) + bias[c], s = x + residual
//
// x, residual, y: [rows, COLS], weight, bias: [COLS]; four columns an entry; computed in f32.
// Entry types, LANES, shared_row_statistics and reduce are added.
// Dispatch: a workgroup a row.
override COLS: u32;
override EPS: f32;
override RESIDUAL: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Entry0>;
@group(0) @binding(1) var<storage, read> residual: array<Entry1>; // x where RESIDUAL is false
@group(0) @binding(2) var<storage, read> weight: array<Entry2>;
@group(0) @binding(3) var<storage, read> bias: array<Entry3>;
@group(0) @binding(4) var<storage, read_write> y: array<Entry4>;

fn load(entry: u32, row: u32) -> vec4f {
  let at = row * ((COLS + 3) / 4) + entry;
  if (RESIDUAL) {
    return vec4f(x[at]) + vec4f(residual[at]);
  }
  return vec4f(x[at]);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let row = group.x;
  let statistics = row_statistics(lane, row);
  let entries = (COLS + 3) / 4;
  for (var t = lane; t < entries; t += LANES) {
    let normalised = (load(t, row) - statistics.x) * statistics.y;
    y[row * entries + t] = Entry4(vec4f(weight[t]) * normalised + vec4f(bias[t]));
  }
}
