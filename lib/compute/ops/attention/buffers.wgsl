// y[t, head] = sum_s softmax_s(q[t, head] . k[s, head] * SCALE) v[s, head], s in t's sequence
//
// qkv: [tokens, 3 * heads * 4 * QUADS], q then k then v, four columns an entry;
// y: [tokens, heads * 4 * QUADS], or [sequences, ...] where SELECTED; computed in f32.
// A workgroup handles one head of a block of up to ROWS tokens of one sequence, an invocation a
// token. KEYS tokens' keys and values at a time go through workgroup memory; four keys at a time,
// so that the running sums are rescaled once for four keys. Scores past the sequence's end become
// LOWEST, whose weight is 0.
// Lines with a $ mark are repeated for each entry of a head. ROWS, QUADS, KEYS and entry types are
// added. Dispatch: blocks by heads workgroups.
override SCALE: f32;
override SELECTED: bool; // blocks of one token each, whose row of y is the block's own number
override OUTER: u32; // entries in a row of y
const LOWEST = -3e38;

@group(0) @binding(0) var<storage, read> qkv: array<Entry0>;
@group(0) @binding(1) var<storage, read> blocks: array<vec4u>; // first, last + 1, begin, end
@group(0) @binding(2) var<storage, read_write> y: array<Entry2>;

var<workgroup> keys: array<vec4f, KEYS * QUADS>;
var<workgroup> values: array<vec4f, KEYS * QUADS>;

fn load(token: u32, entry: u32) -> vec4f {
  return vec4f(qkv[token * 3 * OUTER + entry]);
}

// Takes the keys and values of `count` tokens, and zeros up to the next multiple of four.
fn fetch(lane: u32, start: u32, count: u32, entry: u32) {
  for (var i = lane; i < (count + 3) / 4 * 4 * QUADS; i += ROWS) {
    let at = entry + i % QUADS;
    var key = vec4f(0);
    var value = vec4f(0);
    if (i / QUADS < count) {
      key = load(start + i / QUADS, OUTER + at);
      value = load(start + i / QUADS, 2 * OUTER + at);
    }
    keys[i] = key;
    values[i] = value;
  }
}

// One entry of four tokens, a column each.
fn four_keys(at: u32) -> mat4x4f {
  return mat4x4f(keys[at], keys[at + QUADS], keys[at + 2 * QUADS], keys[at + 3 * QUADS]);
}

fn four_values(at: u32) -> mat4x4f {
  return mat4x4f(values[at], values[at + QUADS], values[at + 2 * QUADS], values[at + 3 * QUADS]);
}

fn largest(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

@compute @workgroup_size(ROWS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let block = blocks[group.x];
  let end = block.w;
  let token = min(block.x + lane, block.y - 1);
  let entry = group.y * QUADS;
  let q$q = SCALE * load(token, entry + $q);
  var z$q = vec4f(0);
  var top = LOWEST;
  var sum = 0.0;
  for (var start = block.z; start < end; start += KEYS) {
    let count = min(KEYS, end - start);
    workgroupBarrier(); // the tile before was read
    fetch(lane, start, count, entry);
    workgroupBarrier();
    for (var s = 0u; s < count; s += 4) {
      let at = s * QUADS;
      var dots = vec4f(0);
      dots += q$q * four_keys(at + $q);
      let scores = select(vec4f(LOWEST), dots, s + vec4u(0, 1, 2, 3) < vec4u(count));
      let new_top = max(top, largest(scores));
      let shrink = exp(top - new_top);
      let share = exp(scores - new_top);
      sum = sum * shrink + dot(share, vec4f(1));
      top = new_top;
      z$q = z$q * shrink + four_values(at + $q) * share;
    }
  }
  if (block.x + lane < block.y) {
    let row = select(token, group.x, SELECTED);
    y[row * OUTER + entry + $q] = Entry2(z$q / sum);
  }
}
