// dk[s] = SCALE * sum_t P[t, s] (D[t, s] dy[t] . v[s] - mean[t]) q[t],
// dv[s] = sum_t P[t, s] D[t, s] dy[t],
// a head of a block of tokens an item
//
// P, D, mean and the matrices are those of the kernel for the queries, which has filled statistics:
// P[t, s] = e^(SCALE * q[t] . k[s] - log_sum[t]). Four queries at a time; those past the sequence's
// end weigh 0. Lines with a $ mark are repeated: $i for each token of a block, $q for each entry of a
// head. block_of, four_qkv, four_dy, four_statistics, key_of, factors and QUADS are added. Items: blocks by heads.
override SCALE: f32;
override OUTER: u32; // entries in a row of dy

// The keys of four queries.
fn four_keys(token: u32, end: u32) -> vec4u {
  return vec4u(
    key_of(token),
    key_of(min(token + 1, end - 1)),
    key_of(min(token + 2, end - 1)),
    key_of(min(token + 3, end - 1)),
  );
}

fn store(entry: u32, token: u32, stop: u32, value: vec4f) {
  if (token < stop) {
    store_dqkv(entry, token, value);
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
  let k$i_$q = SCALE * load_qkv(OUTER + entry + $q, token$i);
  let v$i_$q = load_qkv(2 * OUTER + entry + $q, token$i);
  var dk$i_$q = vec4f(0);
  var dv$i_$q = vec4f(0);
  for (var t = block.z; t < end; t += 4) {
    let valid = t + vec4u(0, 1, 2, 3) < vec4u(end);
    // Of four tokens the logarithms of the sums, the means, and twice 0.
    let statistics = transpose(four_statistics(item.y, t, end));
    let query_keys = four_keys(t, end);
    var dots$i = vec4f(0);
    var slopes$i = vec4f(0);
    let q$q = four_qkv(entry + $q, t, end);
    dots$i += k$i_$q * q$q;
    let dy$q = four_dy(entry + $q, t, end);
    slopes$i += v$i_$q * dy$q;
    let weights$i = select(vec4f(0), exp(dots$i - statistics[0]), valid);
    let kept$i = factors(query_keys, vec4u((item.y << 16) + token$i - block.z));
    let changes$i = weights$i * (slopes$i * kept$i - statistics[1]);
    dk$i_$q += q$q * changes$i;
    dv$i_$q += dy$q * (weights$i * kept$i);
  }
  store(OUTER + entry + $q, block.x + $i, stop, SCALE * dk$i_$q);
  store(2 * OUTER + entry + $q, block.x + $i, stop, dv$i_$q);
}
