// y[m, n] = activation(sum_k x[m, k] * weight[n, k] + bias[n]) + residual[m, n]
//
// x: [rows, K], weight: [N, K], bias: [N], y: [rows, N]; four columns an entry; sums in f32.
// A workgroup computes TILE_ROWS by TILE_COLS elements. It takes DEPTH entries of K at a time into
// workgroup memory and fetches the next ones while it multiplies. An invocation keeps ROWS rows by
// 4 * QUADS columns in variables: its rows lie THREAD_ROWS apart and its quads THREAD_COLS apart,
// so that neighbours read neighbouring entries of workgroup memory.
// Lines with a $ mark are repeated: $i for each row of an invocation, $j for each quad, $f and $g
// for each entry of x and weight that an invocation fetches.
// The constants in capitals, entry types and activation are added.
// Dispatch: ceil(N / TILE_COLS) by ceil(rows / TILE_ROWS) workgroups.
override INNER: u32; // entries in a row of x and of weight
override OUTER: u32; // entries in a row of y
override COLS: u32; // N
override RESIDUAL: u32; // 1 when residual is added, 0 when it is not read
const THREADS = THREAD_ROWS * THREAD_COLS;
const TILE_ROWS = ROWS * THREAD_ROWS;
const TILE_COLS = 4 * QUADS * THREAD_COLS;
// Entries from one k to the next, odd enough that eight invocations that store two rows of four
// entries each, and eight that read a row's neighbours, meet in no bank.
const X_PITCH = TILE_ROWS + 2;
const W_PLANE = TILE_COLS / 4 + 1; // the weight rows 4q, 4q + 1, … lie in four planes
const W_PITCH = 4 * W_PLANE + 6;

@group(0) @binding(0) var<storage, read> x: array<Entry0>;
@group(0) @binding(1) var<storage, read> weight: array<Entry1>;
@group(0) @binding(2) var<storage, read> bias: array<Entry2>;
@group(0) @binding(3) var<storage, read> residual: array<Entry3>;
@group(0) @binding(4) var<storage, read_write> y: array<Entry4>;

var<workgroup> x_tile: array<vec4f, DEPTH * X_PITCH>;
var<workgroup> w_tile: array<vec4f, DEPTH * W_PITCH>;

fn load_x(row: u32, k: u32) -> vec4f {
  if (k < INNER && row < arrayLength(&x) / INNER) {
    return vec4f(x[row * INNER + k]);
  }
  return vec4f(0);
}

fn load_w(row: u32, k: u32) -> vec4f {
  if (k < INNER && row < COLS) {
    return vec4f(weight[row * INNER + k]);
  }
  return vec4f(0);
}

fn w_slot(row: u32) -> u32 {
  return (row % 4) * W_PLANE + row / 4;
}

fn store(row: u32, quad: u32, sum: vec4f) {
  if (quad < OUTER && row < arrayLength(&y) / OUTER) {
    let at = row * OUTER + quad;
    var value = activate(sum + vec4f(bias[quad]));
    if (RESIDUAL == 1) {
      value += vec4f(residual[at]);
    }
    y[at] = Entry4(value);
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) tile: vec3u) {
  let first_row = tile.y * TILE_ROWS;
  let first_col = tile.x * TILE_COLS;
  let row = lane / THREAD_COLS;
  let quad = lane % THREAD_COLS;
  let k = lane % DEPTH; // where this invocation fetches
  let fetched = lane / DEPTH;
  const APART = THREADS / DEPTH;
  var next_x$f = load_x(first_row + fetched + $f * APART, k);
  var next_w$g = load_w(first_col + fetched + $g * APART, k);
  var sum$i_$j = vec4f(0);
  for (var start = 0u; start < INNER; start += DEPTH) {
    x_tile[k * X_PITCH + fetched + $f * APART] = next_x$f;
    w_tile[k * W_PITCH + w_slot(fetched + $g * APART)] = next_w$g;
    workgroupBarrier();
    next_x$f = load_x(first_row + fetched + $f * APART, start + DEPTH + k);
    next_w$g = load_w(first_col + fetched + $g * APART, start + DEPTH + k);
    for (var d = 0u; d < DEPTH; d++) {
      let x$i = x_tile[d * X_PITCH + row + $i * THREAD_ROWS];
      let at$j = d * W_PITCH + quad + $j * THREAD_COLS;
      let w$j = transpose(mat4x4f(
        w_tile[at$j],
        w_tile[at$j + W_PLANE],
        w_tile[at$j + 2 * W_PLANE],
        w_tile[at$j + 3 * W_PLANE]));
      sum$i_$j = fma(vec4f(x$i.x), w$j[0], sum$i_$j);
      sum$i_$j = fma(vec4f(x$i.y), w$j[1], sum$i_$j);
      sum$i_$j = fma(vec4f(x$i.z), w$j[2], sum$i_$j);
      sum$i_$j = fma(vec4f(x$i.w), w$j[3], sum$i_$j);
    }
    workgroupBarrier();
  }
  let col$j = first_col / 4 + quad + $j * THREAD_COLS;
  store(first_row + row + $i * THREAD_ROWS, col$j, sum$i_$j);
}
