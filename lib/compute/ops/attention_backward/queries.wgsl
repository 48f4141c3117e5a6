// dq[t] = SCALE * sum_s P[t, s] (D[t, s] dy[t] . v[s] - mean[t]) k[s], a head of a block of tokens an item
//
// P[t, s] = softmax_s(SCALE * q[t] . k[s]), s in t's sequence; mean[t] = sum_s P[t, s] D[t, s] dy[t] . v[s];
// D is what dropout multiplies with, from `factors`.
// qkv, dqkv: [tokens, 3 * heads * 4 * QUADS], q then k then v; dy: [tokens, heads * 4 * QUADS];
// statistics: [tokens, heads * 4], for each head (log sum_s e^(score), mean, 0, 0).
// The softmax runs with its maximum and sums so far, four keys at a time, so that sums are rescaled
// once for four keys. Scores past the sequence's end become LOWEST, whose weight is 0.
// Lines with a $ mark are repeated: $i for each token of a block, $q for each entry of a head.
// block_of, four_qkv, key_of, factors and QUADS are added. Items: blocks by heads.
override SCALE: f32;
override OUTER: u32; // entries in a row of dy
const LOWEST = -3e38;

fn largest(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn sum_of(v: vec4f) -> f32 {
  return dot(v, vec4f(1));
}

fn store(entry: u32, token: u32, stop: u32, value: vec4f) {
  if (token < stop) {
    store_dqkv(entry, token, value);
  }
}

fn keep(head: u32, token: u32, stop: u32, log_sum: f32, mean: f32) {
  if (token < stop) {
    store_statistics(head, token, vec4f(log_sum, mean, 0, 0));
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
  let dy$i_$q = load_dy(entry + $q, token$i);
  let key$i = vec4u(key_of(token$i));
  var keys$i_$q = vec4f(0); // sums of weights, and of weights times dy . v, times keys
  var changes$i_$q = vec4f(0);
  var top$i = LOWEST;
  var sum$i = 0.0;
  var product$i = 0.0;
  for (var s = block.z; s < end; s += 4) {
    let positions = (item.y << 16) + s - block.z + vec4u(0, 1, 2, 3);
    let valid = s + vec4u(0, 1, 2, 3) < vec4u(end);
    var dots$i = vec4f(0);
    var slopes$i = vec4f(0);
    let k$q = four_qkv(OUTER + entry + $q, s, end);
    dots$i += q$i_$q * k$q;
    let v$q = four_qkv(2 * OUTER + entry + $q, s, end);
    slopes$i += dy$i_$q * v$q;
    let scores$i = select(vec4f(LOWEST), dots$i, valid);
    let new_top$i = max(top$i, largest(scores$i));
    let shrink$i = exp(top$i - new_top$i);
    let weights$i = exp(scores$i - new_top$i);
    let products$i = weights$i * slopes$i * factors(key$i, positions);
    top$i = new_top$i;
    sum$i = sum$i * shrink$i + sum_of(weights$i);
    product$i = product$i * shrink$i + sum_of(products$i);
    keys$i_$q = keys$i_$q * shrink$i + k$q * weights$i;
    changes$i_$q = changes$i_$q * shrink$i + k$q * products$i;
  }
  let mean$i = product$i / sum$i;
  let share$i = SCALE / sum$i;
  keep(item.y, block.x + $i, stop, top$i + log(sum$i), mean$i);
  store(entry + $q, block.x + $i, stop, share$i * (changes$i_$q - mean$i * keys$i_$q));
}
