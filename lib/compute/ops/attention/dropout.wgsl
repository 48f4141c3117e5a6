// What dropout multiplies attention's probabilities with: 0 or KEEP.
//
// keys: [tokens, 4], the four bytes of each query token's key. An entry is head << 16 | the key
// token's position in its sequence; its bits are those of MurmurHash3's last step.
override THRESHOLD: u32;
override KEEP: f32;

fn key_of(token: u32) -> u32 {
  let bytes = vec4u(load_keys(0, token));
  return bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
}

fn factors(keys: vec4u, entries: vec4u) -> vec4f {
  var bits = keys ^ entries;
  bits = (bits ^ (bits >> vec4u(16))) * 0x85ebca6bu;
  bits = (bits ^ (bits >> vec4u(13))) * 0xc2b2ae35u;
  bits = bits ^ (bits >> vec4u(16));
  return select(vec4f(KEEP), vec4f(0), bits < vec4u(THRESHOLD));
}
