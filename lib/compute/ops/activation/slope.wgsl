// Derivatives of activations, kept beside their values.

// Past 40 an exponential is 0 for every purpose, and its square still a number.
fn decay(v: vec4f) -> vec4f {
  return exp(-min(v, vec4f(40)));
}

// Half of 1 - erf(z) for z >= 0, by Abramowitz and Stegun 7.1.26.
fn upper_tail(z: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t
    + 0.254829592) * t;
  return 0.5 * p * decay(z * z);
}

// 1 - tanh(v)^2
fn tanh_slope(v: vec4f) -> vec4f {
  let e = decay(2.0 * abs(v));
  return 4.0 * e / ((1.0 + e) * (1.0 + e));
}

fn derivative(v: vec4f) -> vec4f {
  switch (ACTIVATION) {
    case 1u: {
      let tail = upper_tail(abs(v) * 0.70710678118654752);
      let below = select(1.0 - tail, tail, v < vec4f(0));
      return below + 0.3989422804014327 * v * decay(0.5 * v * v);
    }
    case 2u: {
      let u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
      let slope = 0.7978845608028654 * (1.0 + 0.134145 * v * v);
      // (1 + tanh(u)) / 2 is 1 / (1 + e^(-2u))
      let e = decay(2.0 * abs(u));
      let share = select(vec4f(1), e, u < vec4f(0)) / (1.0 + e);
      return share + 0.5 * v * tanh_slope(u) * slope;
    }
    case 3u: {
      return select(vec4f(0), vec4f(1), v > vec4f(0));
    }
    default: {
      return tanh_slope(v);
    }
  }
}

fn keep(item: vec2u, v: vec4f) {
  store_slope(item.x, item.y, derivative(v));
}
