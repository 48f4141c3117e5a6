
// Shared by kernels that multiply by a matrix stored row by row, four columns a texel.

// One texel of four rows, a column of the result each: `v * four_rows(…)` is four dot products.
fn four_rows(rows: texture_2d<f32>, texel: u32, row: u32) -> mat4x4f {
  return mat4x4f(
    textureLoad(rows, vec2u(texel, row), 0),
    textureLoad(rows, vec2u(texel, row + 1), 0),
    textureLoad(rows, vec2u(texel, row + 2), 0),
    textureLoad(rows, vec2u(texel, row + 3), 0),
  );
}
