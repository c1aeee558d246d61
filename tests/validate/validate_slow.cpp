// Slow nodes found by comparison with their pool: how often a healthy node is called slow, and how
// often a slow one is found; by the very function that decides. Noise is normal with a standard
// deviation of 1 % of the measure, or with heavier tails, as benchmarks have: Student's t with 3
// degrees of freedom, scaled to the same median absolute deviation. All from fixed seeds.
#include <cmath>
#include <numbers>
#include <vector>

#include "base/random.h"
#include "core/checks.h"
#include "validate.h"

namespace mw::validate {
namespace {

constexpr double kMean = 1e9;
constexpr double kNoise = 0.01;
constexpr int kValuesOfAPool = 16;  ///< healthy values held against one drawing of the others
/// Of |t| with 3 degrees of freedom, and of |normal|: the medians.
constexpr double kMedianT3 = 0.7649;
constexpr double kMedianNormal = 0.6745;

enum class Noise { kNormal, kHeavy };

class Nodes {
 public:
  Nodes(std::uint64_t seed, Noise noise) : random_(seed), noise_(noise) {}
  /// What a node measures that is slower than others by `slower`.
  std::int64_t measure(double slower = 0) {
    return std::llround(kMean * (1 - slower) * (1 + kNoise * deviate()));
  }

 private:
  double uniform() { return (static_cast<double>(random_.next() >> 11U) + 0.5) * 0x1p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }
  double deviate() {
    const double z = normal();
    if (noise_ == Noise::kNormal) return z;
    double sum = 0;
    for (int i = 0; i < 3; ++i) {
      const double each = normal();
      sum += each * each;
    }
    return z / std::sqrt(sum / 3) * (kMedianNormal / kMedianT3);
  }
  Random random_;
  Noise noise_;
};

struct Question {
  std::size_t others = 0;
  Noise noise = Noise::kNormal;
  double slower = 0;
  double bad_share = 0;  ///< of the others, so many are as slow
  std::uint32_t margin = 0;
};

/// The part of comparisons that calls the node slow.
double part_slow(const Question& question, std::uint64_t comparisons) {
  Nodes nodes(question.others * 31 + (question.noise == Noise::kHeavy ? 7 : 1), question.noise);
  CheckRules rules;
  rules.slow_percent = question.margin;
  const auto bad = static_cast<std::size_t>(
      std::lround(question.bad_share * static_cast<double>(question.others)));
  std::uint64_t slow = 0;
  std::uint64_t all = 0;
  while (all < comparisons) {
    std::vector<std::int64_t> others;
    for (std::size_t i = 0; i < question.others; ++i) {
      others.push_back(nodes.measure(i < bad ? question.slower : 0));
    }
    for (int i = 0; i < kValuesOfAPool; ++i, ++all) {
      const auto view =
          compare_with(nodes.measure(question.slower), BetterValue::kHigher, others, rules);
      slow += view.slow ? 1 : 0;
    }
  }
  return static_cast<double>(slow) / static_cast<double>(all);
}

std::string setting_of(const Question& question) {
  std::string text = std::to_string(question.others) + " others, ";
  text += question.noise == Noise::kNormal ? "normal noise" : "heavy tails";
  if (question.slower > 0)
    text += ", " + std::to_string(std::lround(100 * question.slower)) + "% slower";
  if (question.bad_share > 0) {
    text += ", as " + std::to_string(std::lround(100 * question.bad_share)) + "% of the others";
  }
  return text + ", margin " + std::to_string(question.margin) + "%";
}

}  // namespace

void check_slow_nodes(Checks& checks, std::uint64_t comparisons) {
  constexpr double kStated = 1e-4;
  constexpr double kAllowed = 0.35;  // pools share their drawing: the error of 10^-4 of 4 million
  for (const std::size_t others : {8U, 10U, 16U, 32U, 64U, 255U}) {
    const Question question{others, Noise::kNormal, 0, 0, 0};
    checks.push_back({"slow nodes", setting_of(question), "false alarms", "1/comparison",
                      part_slow(question, comparisons), kStated, kAllowed});
  }
  for (const std::size_t others : {16U, 64U, 255U}) {
    for (const std::uint32_t margin : {0U, 5U}) {
      const Question question{others, Noise::kHeavy, 0, 0, margin};
      checks.push_back({"slow nodes", setting_of(question), "false alarms", "1/comparison",
                        part_slow(question, comparisons), kStated, -1, "told, not judged"});
    }
  }
  for (const std::size_t others : {8U, 16U, 64U, 255U}) {
    for (const double slower : {0.06, 0.10, 0.20}) {
      const Question question{others, Noise::kNormal, slower, 0, 5};
      const bool plain = others >= 64 && slower >= 0.10;
      checks.push_back({"slow nodes", setting_of(question), "found", "of 1",
                        part_slow(question, comparisons / 40), 1, plain ? 0.01 : -1});
    }
  }
  const Question many{255, Noise::kNormal, 0.20, 0.3, 5};
  checks.push_back({"slow nodes", setting_of(many), "found", "of 1",
                    part_slow(many, comparisons / 40), 1, 0.01});
}

}  // namespace mw::validate
