// Logarithms, powers of e and the normal distribution, the same to the last bit on every machine.
// The C library's differ between machines and versions, and the standard library's distributions
// between compilers; IEEE 754 fixes only +, -, *, / and the square root, so these are made of those
// alone, in a fixed order, and compiled without fused operations (CMakeLists.txt).
#pragma once

#include <cstdint>

#include "base/random.h"

namespace mw {

/// Natural logarithm, to about 1e-15.  REQUIRES: x is finite, normal and over 0.
double portable_log(double x);
/// e^x, to about 1e-15; 0 below -708, and REQUIRES: x <= 709.
double portable_exp(double x);
/// The z below which a standard normal value lies with probability p, to about 1e-9.
/// REQUIRES: 0 < p < 1.   Source: P. J. Acklam's rational approximation (2003).
double normal_quantile(double p);

/// Uniform in (0, 1): the midpoints of 2^53 equal steps, so never 0 and never 1.
inline double uniform(Random& random) {
  return (static_cast<double>(random.next() >> 12U) + 0.5) * 0x1p-52;
}
/// Exponential with mean 1.
inline double exponential(Random& random) { return -portable_log(uniform(random)); }

}  // namespace mw
