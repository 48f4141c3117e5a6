
// Shared by the kernels of `linear`.

override ACTIVATION: u32; // 0 none, 1 gelu, 2 geluTanh, 3 relu, 4 tanh

// Error function by Abramowitz and Stegun 7.1.26; off by at most 1.5e-7.
fn erf(v: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t
    + 0.254829592) * t;
  return sign(v) * (1.0 - p * exp(-v * v));
}

// Past 15 the tangent is 1 in f32, and exp would overflow on the way there.
fn safe_tanh(v: vec4f) -> vec4f {
  return tanh(clamp(v, vec4f(-15), vec4f(15)));
}

fn activate(v: vec4f) -> vec4f {
  switch (ACTIVATION) {
    case 1u: {
      return 0.5 * v * (1.0 + erf(v * 0.70710678118654752));
    }
    case 2u: {
      return 0.5 * v * (1.0 + safe_tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
    }
    case 3u: {
      return max(v, vec4f(0));
    }
    case 4u: {
      return safe_tanh(v);
    }
    default: {
      return v;
    }
  }
}
