// What the engine's tests share: a home of their own, real processes in it, waiting with a deadline
// for what the engine reports, and at the end the proof that nothing of the home lives on.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engines/local/local_engine.h"
#include "engines/local/task_record.h"

namespace mw::local::testing {

/// What an engine reported, in order. Outlives the engine.
class Reports {
 public:
  ObservationSink sink();
  [[nodiscard]] std::vector<InputBody> all() const;
  /// Waits until `done` is true of what was reported. False after `limit`.
  bool wait(const std::function<bool(const std::vector<InputBody>&)>& done, Duration limit) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<InputBody> bodies_;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest();
  ~EngineTest() override;
  void TearDown() override;

  /// Options as in production, but for the home and a time-limit slack that tests can wait for.
  [[nodiscard]] LocalEngineOptions options() const;
  /// Starts an engine on the home and waits until it has adopted what it was given.
  std::unique_ptr<Engine> start(Reports& reports, std::vector<DesiredAttempt> desired = {},
                                std::optional<LocalEngineOptions> with = {});

  /// One attempt of `tasks` ranks on this machine's node, to be run as /bin/sh -c SCRIPT.
  [[nodiscard]] DesiredAttempt shell(std::uint64_t job, const std::string& script,
                                     std::uint32_t tasks = 1) const;
  static DesiredAttempt stopping(DesiredAttempt desired, Duration grace);
  /// Lets a test change the shared specification before it is handed over.
  static JobSpec& spec_of(DesiredAttempt& desired);

  // Each waits, and fails the test after a while.
  TaskExit wait_exit(const Reports& reports, const DesiredAttempt& desired, Rank rank = Rank(0));
  void wait_started(const Reports& reports, const DesiredAttempt& desired);
  AttemptGone wait_gone(const Reports& reports, const DesiredAttempt& desired);
  void wait_until(const std::function<bool()>& done, const std::string& what);
  void wait_file(const std::string& path);

  /// Everything the rank has written, once it has ended.
  std::string output(Engine& engine, const DesiredAttempt& desired, Rank rank = Rank(0),
                     bool standard_error = false);
  [[nodiscard]] RankFiles files(const DesiredAttempt& desired, Rank rank = Rank(0)) const;
  /// A file of the home that tasks of a test can write to.
  [[nodiscard]] std::string path(const std::string& name) const { return home_ + "/" + name; }
  [[nodiscard]] std::string text(const std::string& name) const;

  /// Processes whose arguments or environment name the home, as "PID: command".
  [[nodiscard]] std::vector<std::string> survivors() const;
  /// Control groups of the home that still exist.
  [[nodiscard]] std::vector<std::string> groups_left() const;

  std::string home_;
  std::string node_name_;

 private:
  std::uint64_t probes_ = 0;
};

}  // namespace mw::local::testing
