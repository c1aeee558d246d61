// Processors: a product of matrices is proven without doing it again. For whole numbers that stay
// below 2^53 the arithmetic of doubles is exact, so A(Br) and (AB)r are the same numbers or a
// processor is broken. Source: Freivalds, Probabilistic Machines Can Use Less Running Time (1977).
#include <fmt/format.h>
#include <sched.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/random.h"
#include "checks/host.h"

namespace mw::checks {
namespace {

constexpr const char* kName = "cpu";
constexpr std::size_t kSize = 256;         ///< of a matrix: three of them fit a core's cache
constexpr std::int64_t kEntryMax = 1'000;  ///< 256 x 1000^3 is far below 2^53

using Numbers = std::vector<double>;

Numbers some_numbers(Random& random, std::size_t count) {
  Numbers numbers(count);
  for (double& each : numbers) each = static_cast<double>(random.between(-kEntryMax, kEntryMax));
  return numbers;
}

/// c = a b, row by row, so that the inner loop runs along memory.
void multiply(const Numbers& a, const Numbers& b, Numbers& c) {
  std::fill(c.begin(), c.end(), 0.0);
  for (std::size_t i = 0; i < kSize; ++i) {
    double* row = &c[i * kSize];
    for (std::size_t k = 0; k < kSize; ++k) {
      const double factor = a[i * kSize + k];
      const double* from = &b[k * kSize];
      for (std::size_t j = 0; j < kSize; ++j) row[j] += factor * from[j];
    }
  }
}

Numbers times(const Numbers& matrix, const Numbers& vector) {
  Numbers out(kSize, 0.0);
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t k = 0; k < kSize; ++k) out[i] += matrix[i * kSize + k] * vector[k];
  }
  return out;
}

/// What all threads have found.
struct Found {
  std::mutex mutex;
  double flops = 0;
  std::uint64_t wrong = 0;
  int wrong_on = -1;  ///< a processor
};

void burn(std::uint64_t seed, double seconds, Found& found) {
  Random random(seed);
  const Numbers a = some_numbers(random, kSize * kSize);
  const Numbers b = some_numbers(random, kSize * kSize);
  Numbers c(kSize * kSize);
  double flops = 0;
  std::uint64_t wrong = 0;
  int wrong_on = -1;
  const Stopwatch watch;
  do {
    multiply(a, b, c);
    flops += 2.0 * kSize * kSize * kSize;
    const Numbers r = some_numbers(random, kSize);
    if (times(c, r) != times(a, times(b, r))) {
      ++wrong;
      wrong_on = sched_getcpu();
    }
  } while (watch.seconds() < seconds);
  const double rate_here = flops / watch.seconds();
  const std::lock_guard lock(found.mutex);
  found.flops += rate_here;
  found.wrong += wrong;
  if (wrong_on >= 0) found.wrong_on = wrong_on;
}

}  // namespace

Report check_processor(Duration length) {
  const double seconds = static_cast<double>(length.count()) / 1e9;
  Found found;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < processors(); ++i) {
    threads.emplace_back([&found, seconds, i] { burn(i + 1, seconds, found); });
  }
  for (std::thread& each : threads) each.join();
  Report report{kName};
  report.measures = {
      {"cpu.matmul", rate(found.flops, 1.0), "FLOP/s", BetterValue::kHigher},
      {"cpu.processors", static_cast<std::int64_t>(threads.size()), "", BetterValue::kNeither}};
  if (found.wrong > 0) {
    report.outcome = CheckOutcome::kFailed;
    report.detail = fmt::format("{} products of matrices are wrong, the last one on processor {}",
                                found.wrong, found.wrong_on);
  }
  return report;
}

}  // namespace mw::checks
