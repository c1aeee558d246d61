#include "twin/portable_math.h"

#include <array>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace mw {
namespace {

constexpr unsigned kMantissaBits = 52;
constexpr std::uint64_t kExponentBias = 1023;
constexpr double kLn2High =
    0x1.62e42fee00000p-1;  // ends in zeros: a whole number times it is exact
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLn2Inverse = 0x1.71547652b82fep+0;

}  // namespace

double portable_log(double x) {
  MW_CHECK(x > 0);
  std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  auto exponent =
      static_cast<std::int64_t>(bits >> kMantissaBits) - static_cast<std::int64_t>(kExponentBias);
  bits = (bits & ((std::uint64_t{1} << kMantissaBits) - 1)) | (kExponentBias << kMantissaBits);
  double mantissa = std::bit_cast<double>(bits);  // in [1, 2)
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)), whose series ends soon as |s| < 0.172.
  const double s = (mantissa - 1) / (mantissa + 1);
  const double square = s * s;
  double sum = 0;
  for (int power = 21; power >= 3; power -= 2) sum = (sum + 1.0 / power) * square;
  const auto whole = static_cast<double>(exponent);
  return whole * kLn2High + (2 * s + (2 * s * sum + whole * kLn2Low));
}

double portable_exp(double x) {
  MW_CHECK(x <= 709);
  if (x < -708) return 0;
  const double scaled = x * kLn2Inverse;
  const auto exponent = static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
  const auto whole = static_cast<double>(exponent);
  const double rest = (x - whole * kLn2High) - whole * kLn2Low;  // at most half of ln 2
  double sum = 1;
  for (int term = 14; term >= 1; --term) sum = 1 + sum * rest / term;
  const std::uint64_t power =
      static_cast<std::uint64_t>(exponent + static_cast<std::int64_t>(kExponentBias))
      << kMantissaBits;
  return sum * std::bit_cast<double>(power);
}

double normal_quantile(double p) {
  MW_CHECK(p > 0 && p < 1);
  constexpr std::array<double, 6> kA = {-3.969683028665376e+01, 2.209460984245205e+02,
                                        -2.759285104469687e+02, 1.383577518672690e+02,
                                        -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr std::array<double, 5> kB = {-5.447609879822406e+01, 1.615858368580409e+02,
                                        -1.556989798598866e+02, 6.680131188771972e+01,
                                        -1.328068155288572e+01};
  constexpr std::array<double, 6> kC = {-7.784894002430293e-03, -3.223964580411365e-01,
                                        -2.400758277161838e+00, -2.549732539343734e+00,
                                        4.374664141464968e+00,  2.938163982698783e+00};
  constexpr std::array<double, 4> kD = {7.784695709041462e-03, 3.224671290700398e-01,
                                        2.445134137142996e+00, 3.754408661907416e+00};
  constexpr double kTail = 0.02425;
  if (p < kTail || p > 1 - kTail) {
    const double q = std::sqrt(-2 * portable_log(p < kTail ? p : 1 - p));
    const double z = (((((kC[0] * q + kC[1]) * q + kC[2]) * q + kC[3]) * q + kC[4]) * q + kC[5]) /
                     ((((kD[0] * q + kD[1]) * q + kD[2]) * q + kD[3]) * q + 1);
    return p < kTail ? z : -z;
  }
  const double q = p - 0.5;
  const double r = q * q;
  return (((((kA[0] * r + kA[1]) * r + kA[2]) * r + kA[3]) * r + kA[4]) * r + kA[5]) * q /
         (((((kB[0] * r + kB[1]) * r + kB[2]) * r + kB[3]) * r + kB[4]) * r + 1);
}

}  // namespace mw
