// y[b] = x[selected[b]]
//
// x: f32 [tokens, cols], y: f32 [sequences, cols]; four columns a texel.
// Dispatch: ceil(texels of y / 8) by sequences workgroups.
@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var<storage, read> selected: array<vec4u>; // token, token + 1, begin, end
@group(0) @binding(2) var y: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < textureDimensions(y).x) {
    textureStore(y, id.xy, textureLoad(x, vec2u(id.x, selected[id.y].x), 0));
  }
}
