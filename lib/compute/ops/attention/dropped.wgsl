// y[t] = sum_s P[t, s] D[t, s] v[s], a head of a block of tokens an item
//
// P[t, s] = softmax_s(SCALE * q[t] . k[s]), s in t's sequence; D is 0 or more than 1, from `factors`.
// qkv: [tokens, 3 * heads * 4 * QUADS], q then k then v; y: [tokens, heads * 4 * QUADS].
// The softmax runs with its maximum and sums so far, four keys at a time, so that sums are rescaled
// once for four keys. Scores past the sequence's end become LOWEST, whose weight is 0.
// Lines with a $ mark are repeated: $i for each token of a block, $q for each entry of a head.
// block_of, four_qkv, key_of, factors and QUADS are added. Items: blocks by heads.
override SCALE: f32;
override OUTER: u32; // entries in a row of y
const LOWEST = -3e38;

fn largest(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn store(entry: u32, token: u32, stop: u32, value: vec4f) {
  if (token < stop) {
    store_y(entry, token, value);
  }
}

fn compute(item: vec2u, lane: u32) {
  let block = block_of(item.x);
  let stop = block.y;
  let end = block.w;
  if (block.x == stop) {
    return; // past the last block
  }
  let entry = item.y * QUADS;
  let token$i = min(block.x + $i, stop - 1);
  let q$i_$q = SCALE * load_qkv(entry + $q, token$i);
  let key$i = vec4u(key_of(token$i));
  var z$i_$q = vec4f(0);
  var top$i = LOWEST;
  var sum$i = 0.0;
  for (var s = block.z; s < end; s += 4) {
    let positions = (item.y << 16) + s - block.z + vec4u(0, 1, 2, 3);
    let valid = s + vec4u(0, 1, 2, 3) < vec4u(end);
    var dots$i = vec4f(0);
    let k$q = four_qkv(OUTER + entry + $q, s, end);
    dots$i += q$i_$q * k$q;
    let scores$i = select(vec4f(LOWEST), dots$i, valid);
    let new_top$i = max(top$i, largest(scores$i));
    let shrink$i = exp(top$i - new_top$i);
    let weights$i = exp(scores$i - new_top$i);
    sum$i = sum$i * shrink$i + dot(weights$i, vec4f(1));
    top$i = new_top$i;
    let kept$i = weights$i * factors(key$i, positions);
    let v$q = four_qkv(2 * OUTER + entry + $q, s, end);
    z$i_$q = z$i_$q * shrink$i + v$q * kept$i;
  }
  store(entry + $q, block.x + $i, stop, z$i_$q / sum$i);
}
