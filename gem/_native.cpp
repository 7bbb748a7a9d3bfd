// The family on a CPU in one pass over memory, written as torch's own elementwise kernels are: TensorIterator brings
// strides, types and threads, Vectorized the vector instructions. gem/_native.py compiles this where asked to.
//
// Every element goes through the vector path, also at the end of a tensor, so that results do not depend on where an
// element lies. Half types are computed in float.

#include <ATen/Dispatch.h>
#include <ATen/TensorIterator.h>
#include <ATen/cpu/vec/functional.h>
#include <ATen/cpu/vec/vec.h>
#include <ATen/native/cpu/Loops.h>
#include <torch/library.h>

namespace {

using at::Tensor;
using at::vec::Vectorized;

template <typename V>
V even_power(V t, int64_t N) {
  V square = t * t, power = square;
  int64_t bit = 1;
  while (2 * bit <= N) bit *= 2;
  for (bit /= 2; bit > 0; bit /= 2) {
    power = power * power;
    if (N & bit) power = power * square;
  }
  return power;
}

// leaky_relu(x, slope) / (1 + c/v), v = (s·x)^(2N). Where x ≤ 0 and there is no slope, 1/0 gives the limit.
template <typename T>
struct Gated {
  using V = Vectorized<T>;
  int64_t N;
  V c, s, slope, zero{T(0)}, one{T(1)}, order;
  bool leaks;

  Gated(int64_t N, double c, double s, double slope)
      : N(N), c(T(c)), s(T(s)), slope(T(slope)), order(T(2 * N)), leaks(slope != 0) {}

  V positive(V x) const { return leaks ? x : at::vec::maximum(x, zero); }
  V leak(V x, V y) const { return leaks ? V::blendv(y, y * slope, x < zero) : y; }
  V ratio(V x) const { return c / even_power(x * s, N); }

  V operator()(V x) const {
    V t = positive(x);
    return leak(x, t) / (one + ratio(t));
  }
  V operator()(V grad, V x) const {
    V r = one / (one + ratio(positive(x)));
    return grad * leak(x, r * (one + order * (one - r)));
  }
};

// grad·f'(x) from y = f(x), by Halley's method; see gem/_inverse.py.
template <typename T>
struct GatedFromOutput {
  using V = Vectorized<T>;
  int64_t N, steps;
  V per_unit, per_unit_below, slope, tiny, far, zero{T(0)}, one{T(1)}, order, root;

  GatedFromOutput(int64_t N, double unit, double slope, double far, int64_t steps)
      : N(N),
        steps(steps),
        per_unit(T(1 / unit)),
        per_unit_below(T(slope != 0 ? -1 / (unit * slope) : 1 / unit)),
        slope(T(slope)),
        tiny(std::numeric_limits<T>::min()),
        far(T(far)),
        order(T(2 * N)),
        root(T(1) / T(2 * N + 1)) {}

  V operator()(V grad, V y) const {
    V w = y * V::blendv(per_unit, per_unit_below, y < zero);
    w = at::vec::minimum(at::vec::maximum(w, tiny), far);
    V t = at::vec::maximum(w, w.pow(root) + w * root);
    for (int64_t i = 0; i < steps; ++i) {
      V b = w / (even_power(t, N) * t);
      V gap = one - w / t - b;
      V rise = one + order * b;
      t = t - t * gap * rise / (rise * rise + (order / V(T(2))) * (order + one) * b * gap);
    }
    V r = w / t;
    V d = r * (one + order * (one - r));
    d = V::blendv(d, d * slope, y < zero);
    return grad * V::blendv(d, zero, y == zero);
  }
};

// grad·f(x)·q with q = 1 - r, for the derivative against the scale; see gem/_pieces.py.
template <typename T>
struct GatedByScale {
  using V = Vectorized<T>;
  Gated<T> f;
  V low, high;

  GatedByScale(int64_t N, double c, double s, double slope, double low, double high)
      : f(N, c, s, slope), low(T(low)), high(T(high)) {}

  V operator()(V grad, V x) const {
    V t = at::vec::minimum(at::vec::maximum(f.leaks ? x.abs() : x, low), high);
    V w = f.ratio(t), sum = f.one + w;
    V sign = f.leaks ? V::blendv(f.one, f.slope.neg(), x < f.zero) : f.one;
    return grad * sign * (t * w / sum / sum);
  }
};

// alpha·x·exp(-z), z = beta·exp(-gamma·x), x held where the gate has become 0 (or alpha, in the slope).
template <typename T>
struct Gompertz {
  using V = Vectorized<T>;
  V alpha, beta, gamma, low, high, one{T(1)};

  Gompertz(double alpha, double beta, double gamma, double low, double high)
      : alpha(T(alpha)), beta(T(beta)), gamma(T(gamma)), low(T(low)), high(T(high)) {}

  V rate(V t) const { return beta * (t * gamma).neg().exp(); }

  V operator()(V x) const {
    V t = at::vec::maximum(x, low);
    return alpha * t * rate(t).neg().exp();
  }
  V operator()(V grad, V x) const {
    V t = at::vec::minimum(at::vec::maximum(x, low), high);
    V z = rate(t);
    return grad * (alpha * z.neg().exp() * (one + gamma * t * z));
  }
};

template <typename T>
constexpr bool is_half = c10::is_reduced_floating_point_v<T>;
template <typename T>
using Wide = std::conditional_t<is_half<T>, float, T>;

template <typename T, typename F, typename... X>
T one_element(const F& f, X... x) {
  Wide<T> lanes[Vectorized<Wide<T>>::size()];
  f(Vectorized<Wide<T>>(Wide<T>(x))...).store(lanes);
  return T(lanes[0]);
}

// f of one input or of two, the gradient first.
template <typename T, typename F, typename... X>
Vectorized<T> widened(const F& f, X... x) {
  if constexpr (is_half<T>) {
    std::tuple<decltype(at::vec::convert_to_float<T>(x))...> parts{at::vec::convert_to_float<T>(x)...};
    return std::apply(
        [&](auto... pair) { return at::vec::convert_from_float<T>(f(std::get<0>(pair)...), f(std::get<1>(pair)...)); },
        parts);
  } else {
    return f(x...);
  }
}

template <template <typename> class F, typename... Args>
Tensor value(const Tensor& x, Args... args) {
  Tensor out;
  auto iterator = at::TensorIteratorConfig().add_output(out).add_const_input(x).build();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "gem_value", [&] {
    using V = Vectorized<scalar_t>;
    F<Wide<scalar_t>> f(args...);
    at::native::cpu_kernel_vec(
        iterator,
        [f](scalar_t x) -> scalar_t { return one_element<scalar_t>(f, x); },
        [f](V x) -> V { return widened<scalar_t>(f, x); });
  });
  return iterator.output();
}

template <template <typename> class F, typename... Args>
Tensor product(const Tensor& grad, const Tensor& x, Args... args) {
  Tensor out;
  auto iterator = at::TensorIteratorConfig().add_output(out).add_const_input(grad).add_const_input(x).build();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "gem_product", [&] {
    using V = Vectorized<scalar_t>;
    F<Wide<scalar_t>> f(args...);
    at::native::cpu_kernel_vec(
        iterator,
        [f](scalar_t grad, scalar_t x) -> scalar_t { return one_element<scalar_t>(f, grad, x); },
        [f](V grad, V x) -> V { return widened<scalar_t>(f, grad, x); });
  });
  return iterator.output();
}

Tensor gated(const Tensor& x, int64_t N, double c, double s, double slope) {
  return value<Gated>(x, N, c, s, slope);
}
Tensor gated_slope(const Tensor& grad, const Tensor& x, int64_t N, double c, double s, double slope) {
  return product<Gated>(grad, x, N, c, s, slope);
}
Tensor gated_slope_at(
    const Tensor& grad, const Tensor& y, int64_t N, double unit, double slope, double far, int64_t steps) {
  return product<GatedFromOutput>(grad, y, N, unit, slope, far, steps);
}
Tensor gated_by_scale(
    const Tensor& grad, const Tensor& x, int64_t N, double c, double s, double slope, double low, double high) {
  return product<GatedByScale>(grad, x, N, c, s, slope, low, high);
}
Tensor gompertz(const Tensor& x, double alpha, double beta, double gamma, double low, double high) {
  return value<Gompertz>(x, alpha, beta, gamma, low, high);
}
Tensor gompertz_slope(
    const Tensor& grad, const Tensor& x, double alpha, double beta, double gamma, double low, double high) {
  return product<Gompertz>(grad, x, alpha, beta, gamma, low, high);
}

}  // namespace

TORCH_LIBRARY(gem_native, library) {
  library.def("gated(Tensor x, int N, float c, float s, float slope) -> Tensor");
  library.def("gated_slope(Tensor grad, Tensor x, int N, float c, float s, float slope) -> Tensor");
  library.def(
      "gated_slope_at(Tensor grad, Tensor y, int N, float unit, float slope, float far, int steps) -> Tensor");
  library.def(
      "gated_by_scale(Tensor grad, Tensor x, int N, float c, float s, float slope, float low, float high) -> Tensor");
  library.def("gompertz(Tensor x, float alpha, float beta, float gamma, float low, float high) -> Tensor");
  library.def(
      "gompertz_slope(Tensor grad, Tensor x, float alpha, float beta, float gamma, float low, float high) -> Tensor");
}

TORCH_LIBRARY_IMPL(gem_native, CPU, library) {
  library.impl("gated", gated);
  library.impl("gated_slope", gated_slope);
  library.impl("gated_slope_at", gated_slope_at);
  library.impl("gated_by_scale", gated_by_scale);
  library.impl("gompertz", gompertz);
  library.impl("gompertz_slope", gompertz_slope);
}

// Derivatives are gem's own: gem/_autograd.py.
TORCH_LIBRARY_IMPL(gem_native, Autograd, library) {
  for (const char* name :
       {"gated", "gated_slope", "gated_slope_at", "gated_by_scale", "gompertz", "gompertz_slope"}) {
    library.impl(name, torch::CppFunction::makeFallthrough());
  }
}
