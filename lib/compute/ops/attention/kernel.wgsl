// y[t, head] = sum_s softmax_s(q[t, head] . k[s, head] * SCALE) v[s, head], s in t's sequence
//
// qkv: f32 [tokens, 3 * heads * 4 * QUADS], q then k then v, four columns a texel;
// y: f32 [tokens, heads * 4 * QUADS], or [sequences, ...] where SELECTED.
// An invocation handles one head of a block of up to ROWS tokens of one sequence, so that each
// texel of k and v is fetched once for ROWS tokens; four keys at a time, so that the running sums
// are rescaled once for four keys. Scores past the sequence's end become LOWEST, whose weight is 0.
// Lines with a $ mark are repeated: $i for each token of the block, $q for each texel of a head.
// Dispatch: ceil(blocks / 8) by heads workgroups.
override SCALE: f32;
override SELECTED: bool; // blocks of one token each, whose row of y is the block's own number
const LOWEST = -3e38;

@group(0) @binding(0) var qkv: texture_2d<f32>;
@group(0) @binding(1) var<storage, read> blocks: array<vec4u>; // first, last + 1, begin, end
@group(0) @binding(2) var y: texture_storage_2d<rgba32float, write>;

// One texel of four tokens, a column each; past the end the last token stands in.
fn four_tokens(texel: u32, token: u32, end: u32) -> mat4x4f {
  return mat4x4f(
    textureLoad(qkv, vec2u(texel, token), 0),
    textureLoad(qkv, vec2u(texel, min(token + 1, end - 1)), 0),
    textureLoad(qkv, vec2u(texel, min(token + 2, end - 1)), 0),
    textureLoad(qkv, vec2u(texel, min(token + 3, end - 1)), 0),
  );
}

fn largest(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn store(texel: u32, token: u32, block: u32, value: vec4f) {
  if (token < blocks[block].y) {
    textureStore(y, vec2u(texel, select(token, block, SELECTED)), value);
  }
}

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = blocks[id.x];
  let first = block.x;
  let stop = block.y;
  let end = block.w;
  if (first == stop) {
    return; // past the last block
  }
  let width = textureDimensions(y).x;
  let texel = id.y * QUADS;
  let q$i_$q = SCALE * textureLoad(qkv, vec2u(texel + $q, min(first + $i, stop - 1)), 0);
  var z$i_$q = vec4f(0);
  var top$i = LOWEST;
  var sum$i = 0.0;
  for (var s = block.z; s < end; s += 4) {
    let valid = s + vec4u(0, 1, 2, 3) < vec4u(end);
    var dots$i = vec4f(0);
    let k$q = four_tokens(width + texel + $q, s, end);
    dots$i += q$i_$q * k$q;
    let scores$i = select(vec4f(LOWEST), dots$i, valid);
    let new_top$i = max(top$i, largest(scores$i));
    let shrink$i = exp(top$i - new_top$i);
    let weights$i = exp(scores$i - new_top$i);
    sum$i = sum$i * shrink$i + dot(weights$i, vec4f(1));
    top$i = new_top$i;
    let v$q = four_tokens(2 * width + texel + $q, s, end);
    z$i_$q = z$i_$q * shrink$i + v$q * weights$i;
  }
  store(texel + $q, first + $i, id.x, z$i_$q / sum$i);
}
