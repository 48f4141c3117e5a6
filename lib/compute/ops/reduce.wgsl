
// Shared by kernels in which the LANES invocations of a workgroup add up.

var<workgroup> partial: array<vec4f, LANES>;

// The sum of every invocation's value; all of them call it together.
fn total(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier(); // the sum before was read
  partial[lane] = value;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
  }
  workgroupBarrier();
  return partial[0];
}
