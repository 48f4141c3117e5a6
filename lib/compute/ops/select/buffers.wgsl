// y[b] = x[selected[b]]
//
// x: [tokens, cols], y: [sequences, cols]; four columns an entry, ENTRIES a row.
// Entry types are added. Dispatch: ceil(ENTRIES / 32) by sequences workgroups.
override ENTRIES: u32;

@group(0) @binding(0) var<storage, read> x: array<Entry0>;
@group(0) @binding(1) var<storage, read> selected: array<vec4u>; // token, token + 1, begin, end
@group(0) @binding(2) var<storage, read_write> y: array<Entry2>;

@compute @workgroup_size(32, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < ENTRIES) {
    y[id.y * ENTRIES + id.x] = Entry2(vec4f(x[selected[id.y].x * ENTRIES + id.x]));
  }
}
