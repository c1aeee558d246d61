// What is found of what is wrong, and what of what is not: slow ranks and nodes that fail too
// often. False alarms are counted on traces without faults, power on traces with planted ones; what
// decides is the very code that runs live.
//
// Step times: each rank tells the median of 25 steps, two rounds of which decide. Noise of three
// kinds: normal, 2 %; log-normal with hiccups (one step in fifty takes half as long again); Student
// t with three degrees of freedom, of which even the variance hardly exists. Beside it each rank
// has a constant of its own (0.3 %), as accelerators of one batch differ.
//
// Incidents: a Poisson process for each node at Meta's rate (RSC-1, arXiv 2410.21680: 6.50 in a
// thousand node-days).
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>

#include "base/random.h"
#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "core/core.h"
#include "core/resilience.h"
#include "validate.h"

namespace mw::validate {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kRatePerDay = 6.50e-3;
constexpr double kDay = 86'400;

/// By what a control plane judges faults until somebody says otherwise.
const FaultPolicy& shipped() {
  static const FaultPolicy policy = [] {
    for (const EmbeddedFile& file : kEmbeddedFaultPolicies) {
      auto parsed = parse_fault_policy(file.text, file.name);
      if (file.name == "default" && parsed) return *parsed;
    }
    give_up("there is no default policy for faults");
  }();
  return policy;
}

double uniform(Random& random) {
  return (static_cast<double>(random.next() >> 11U) + 0.5) / 9007199254740992.0;  // 2^53
}
double normal(Random& random) {
  return std::sqrt(-2 * std::log(uniform(random))) * std::cos(2 * kPi * uniform(random));
}
double student(Random& random) {
  double squares = 0;
  for (int i = 0; i < 3; ++i) squares += std::pow(normal(random), 2);
  return normal(random) / std::sqrt(squares / 3);
}

struct Noise {
  const char* name;
  std::function<double(Random&)> step;  ///< of a rank whose steps take 1 s
};

std::vector<Noise> noises() {
  return {{"normal 2 %", [](Random& r) { return 1 + 0.02 * normal(r); }},
          {"log-normal, hiccups",
           [](Random& r) { return std::exp(0.03 * normal(r)) * (uniform(r) < 0.02 ? 1.5 : 1.0); }},
          {"Student t3, 2 %", [](Random& r) { return 1 + 0.02 * std::max(student(r), -40.0); }}};
}

constexpr std::uint32_t kRanks = 1024;
constexpr std::size_t kSteps = 25;

/// A gang whose ranks tell round after round.
class Gang {
 public:
  Gang(const Noise& noise, std::uint64_t seed) : noise_(noise), random_(seed), own_(kRanks) {
    for (double& own : own_) own = 1 + 0.003 * normal(random_);
  }
  void slow_down(std::uint32_t rank, double by) { own_[rank] *= by; }

  /// The ranks that stand out in one round.
  std::vector<Rank> round() {
    std::vector<Duration> told(kRanks);
    std::array<double, kSteps> steps{};
    for (std::uint32_t rank = 0; rank < kRanks; ++rank) {
      for (double& step : steps) step = noise_.step(random_);
      std::nth_element(steps.begin(), steps.begin() + kSteps / 2, steps.end());
      told[rank] = Duration(std::llround(own_[rank] * steps[kSteps / 2] * 1e9));
    }
    return compare_ranks(told, *shipped().stragglers).outliers;
  }

 private:
  const Noise& noise_;
  Random random_;
  std::vector<double> own_;
};

void check_slow_ranks(Checks& checks, std::uint32_t rounds, std::uint32_t trials) {
  for (const Noise& noise : noises()) {
    Gang gang(noise, 7);
    std::uint64_t once = 0;
    std::uint64_t twice = 0;
    std::vector<Rank> before;
    for (std::uint32_t i = 0; i < rounds; ++i) {
      std::vector<Rank> now = gang.round();
      once += now.size();
      for (const Rank rank : now) twice += std::count(before.begin(), before.end(), rank) > 0;
      before = std::move(now);
    }
    const std::string among = std::to_string(rounds) + " rounds of 1,024 healthy ranks";
    checks.push_back(
        {"slow ranks", noise.name, "stand out once", "", static_cast<double>(once), 0, -1, among});
    checks.push_back(
        {"slow ranks", noise.name, "false alarms", "", static_cast<double>(twice), 0, 0, among});
    std::uint32_t found = 0;
    for (std::uint32_t trial = 0; trial < trials; ++trial) {
      Gang slow(noise, 1000 + trial);
      const std::uint32_t rank = (trial * 37) % kRanks;
      slow.slow_down(rank, 1.05);
      const std::vector<Rank> first = slow.round();
      const std::vector<Rank> second = slow.round();
      const auto has = [&](const std::vector<Rank>& ranks) {
        return std::find(ranks.begin(), ranks.end(), Rank(rank)) != ranks.end();
      };
      found += has(first) && has(second) ? 1 : 0;
    }
    checks.push_back({"slow ranks", noise.name, "5 % slower, found in 50", "",
                      static_cast<double>(found) / trials, 1, 0.05,
                      std::to_string(trials) + " gangs of 1,024 ranks"});
  }
}

/// A year of a fleet in which node 0 fails `times` as often as the others.
struct Year {
  std::uint64_t proposed = 0;  ///< healthy nodes
  double found = 0;            ///< days until node 0 was; 0: never
};

Year year_of(std::uint32_t nodes, double times, std::uint64_t seed) {
  Core core;
  const std::vector<Input> first = {{RequestId(), DeclareFleet{plain_fleet(nodes), "validate"}},
                                    {RequestId(), SetFaultPolicy{shipped(), "validate"}}};
  core.step(Instant(), first);
  Random random(seed);
  const double rate = kRatePerDay * (nodes - 1 + times);  // of all, a day
  Year year;
  std::set<NodeId> proposed;
  for (double day = 0;;) {
    day -= std::log(uniform(random)) / rate;
    if (day > 365) break;
    const double at = uniform(random) * (nodes - 1 + times);
    const NodeId node(at < times ? 0 : static_cast<std::uint32_t>(at - times) + 1);
    const std::string name = core.state().topology->name(node);
    const NodeSpec spec = core.state().topology->spec(node);
    const Instant now(std::llround(day * kDay * 1e9));
    const std::vector<Input> lost = {{RequestId(), NodeLost{name}}, {RequestId(), NodeSeen{spec}}};
    for (const Event& event : core.step(now, lost)) {
      const auto* noted = std::get_if<FaultNoted>(&event.body);
      if (noted == nullptr || noted->fault.code != kLemonCode) continue;
      if (noted->node != NodeId(0) || times == 1) {
        year.proposed += proposed.insert(*noted->node).second ? 1 : 0;
      } else if (year.found == 0) {
        year.found = day;
      }
    }
  }
  return year;
}

void check_lemons(Checks& checks, std::uint32_t years) {
  constexpr std::uint32_t kNodes = 400;
  std::uint64_t proposed = 0;
  for (std::uint32_t i = 0; i < years; ++i) proposed += year_of(kNodes, 1, i).proposed;
  const double spans = 365.0 / 28 * years;
  checks.push_back({"lemons", "400 healthy nodes", "proposed in 28 days", "",
                    static_cast<double>(proposed) / spans, 0, 0.01,
                    std::to_string(proposed) + " in " + std::to_string(years) + " years"});
  for (const double times : {10.0, 20.0, 40.0}) {
    std::vector<double> days;
    std::uint64_t others = 0;
    for (std::uint32_t i = 0; i < years; ++i) {
      const Year year = year_of(kNodes, times, 10'000 + i);
      others += year.proposed;
      days.push_back(year.found == 0 ? 366 : year.found);
    }
    std::sort(days.begin(), days.end());
    const auto found = std::count_if(days.begin(), days.end(), [](double d) { return d < 366; });
    const std::string setting =
        "one fails " + std::to_string(static_cast<int>(times)) + " times as often";
    checks.push_back({"lemons", setting, "found within a year", "",
                      static_cast<double>(found) / years, 1, times >= 20 ? 0.02 : -1,
                      std::to_string(others) + " others proposed"});
    checks.push_back({"lemons", setting, "median until found", "d", days[days.size() / 2],
                      days[days.size() / 2], -1});
  }
}

}  // namespace

void check_detection(Checks& checks, bool quick) {
  check_slow_ranks(checks, quick ? 200 : 2000, quick ? 50 : 300);
  check_lemons(checks, quick ? 10 : 100);
}

}  // namespace mw::validate
