// One run from one seed. First trouble: everything goes wrong that can, and whatever happens
// nothing may be wrong for a moment (safety). Then no more trouble, and within a bounded time
// everything has to come to rest (liveness). After TigerBeetle's VOPR.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/control_cycle.h"
#include "people.h"
#include "scenario.h"
#include "store.h"
#include "tellers.h"
#include "twin/world.h"

namespace mw::vopr {

/// What has happened, over one run or many.
struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t simulated_s = 0;
  std::uint64_t turns = 0;
  std::uint64_t events = 0;
  std::uint64_t jobs = 0;
  std::uint64_t attempts = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t grown = 0;
  std::uint64_t in_place = 0;
  std::uint64_t lent = 0;
  std::uint64_t kept_taken = 0;
  std::uint64_t reservations = 0;
  std::uint64_t reserved_attempts = 0;
  std::uint64_t nodes_down = 0;
  std::uint64_t nodes_slow = 0;
  std::uint64_t told = 0;    ///< by agents, alerts and people, over and over and late
  std::uint64_t faults = 0;  ///< of those, news
  std::uint64_t taken = 0;
  std::uint64_t remedies = 0;
  std::uint64_t trips = 0;
  std::uint64_t checks = 0;
  std::uint64_t checks_stopped = 0;  ///< for a job, or because the node left service
  std::uint64_t tasks_failed = 0;
  std::uint64_t correlated = 0;  ///< of those, faults of several nodes at once
  std::uint64_t died_before_append = 0;
  std::uint64_t died_after_append = 0;
  std::uint64_t died_in_commands = 0;
  std::uint64_t died_between_turns = 0;
  std::uint64_t store_failures = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t messages = 0;
  std::uint64_t messages_lost = 0;
  std::uint64_t messages_doubled = 0;
  std::uint64_t never_possible = 0;  ///< jobs that nothing there could have run
  void add(const Figures& other);
};

class Run {
 public:
  /// `verify`: at the end the journal is stepped again and compared.
  Run(std::uint64_t seed, bool verbose, bool verify);

  /// Throws Broken, saying what was.
  Figures run();

 private:
  void set_up();
  void trouble();
  void calm();
  void turn(Instant now);
  [[nodiscard]] Instant next() const;
  void faults_due(Instant now);
  void hear(Instant now);
  void maybe_disturb();
  void take_turn(Instant now);
  void died(Instant now);
  void store_failed(Instant now);
  void come_back(Instant now);
  void check(const std::vector<Event>& events);
  void tell(const std::vector<Event>& events);

  void make_peace();
  void rest_alone();
  void give_free();
  void check_rest();
  void check_never(const Job& job);
  [[nodiscard]] bool starts_alone(const Job& job) const;
  [[nodiscard]] std::string left_over() const;
  void count();

  enum class Plane : std::uint8_t { kUp, kDead, kStoreFull };

  Random random_;
  const bool verbose_;
  const bool verify_;
  const Scenario scenario_;
  World world_;
  WatchedJournal journal_;
  WatchedEngine engine_;
  People people_;
  std::optional<ControlCycle> cycle_;
  Plane plane_ = Plane::kUp;
  Instant back_at_ = Instant::never();
  Instant resync_at_ = Instant::never();
  Instant now_;
  bool troubled_ = true;
  bool dies_in_commands_ = false;
  WatchedJournal::Fate fate_ = WatchedJournal::Fate::kStored;
  Tellers tellers_;
  const bool tells_;  ///< of faults: in every other run
  std::vector<NodeFault> faults_;
  std::size_t next_fault_ = 0;
  std::vector<Input> inputs_;  ///< heard, for the next turn
  Figures figures_;
};

}  // namespace mw::vopr
