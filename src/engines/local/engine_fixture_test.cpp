// The fixture's code (testing/engine_fixture.h); in a test file so that it is linked to the tests
// alone.
#include "engines/local/testing/engine_fixture.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "engines/local/cgroup_mounts.h"
#include "engines/local/containment.h"
#include "engines/local/posix.h"

namespace mw::local::testing {
namespace {

/// For anything that normally takes milliseconds: long enough for a machine that is busy building.
constexpr Duration kPatience = seconds(30);

const AttemptGone* as_gone(const InputBody& body, const DesiredAttempt& desired) {
  const auto* gone = std::get_if<AttemptGone>(&body);
  return gone != nullptr && gone->epoch == desired.epoch ? gone : nullptr;
}

const TaskExited* as_exit(const InputBody& body, const DesiredAttempt& desired, Rank rank) {
  const auto* exited = std::get_if<TaskExited>(&body);
  const bool same = exited != nullptr && exited->epoch == desired.epoch && exited->rank == rank;
  return same ? exited : nullptr;
}

}  // namespace

ObservationSink Reports::sink() {
  return [this](InputBody body) {
    const std::scoped_lock lock(mutex_);
    bodies_.push_back(std::move(body));
    changed_.notify_all();
  };
}

std::vector<InputBody> Reports::all() const {
  const std::scoped_lock lock(mutex_);
  return bodies_;
}

bool Reports::wait(const std::function<bool(const std::vector<InputBody>&)>& done,
                   Duration limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::nanoseconds(limit.count()),
                           [&] { return done(bodies_); });
}

EngineTest::EngineTest() : node_name_("node-a") {
  std::string pattern = std::filesystem::temp_directory_path() / "mw-engine-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  home_ = pattern;
}

EngineTest::~EngineTest() {
  std::error_code error;
  std::filesystem::remove_all(home_, error);
}

void EngineTest::TearDown() {
  wait_until([&] { return survivors().empty(); }, "no process of the home is left");
  for (const std::string& survivor : survivors()) {
    ADD_FAILURE() << "still there: " << survivor;
    ::kill(static_cast<pid_t>(std::stol(survivor)), SIGKILL);
  }
  for (const std::string& group : groups_left()) ADD_FAILURE() << "still there: " << group;
}

LocalEngineOptions EngineTest::options() const {
  LocalEngineOptions options;
  options.home = home_;
  options.supervisor = MW_SUPERVISOR_PATH;
  options.mw_binary = "/opt/millwright/mw";
  options.url = "http://127.0.0.1:4711";
  options.token = [](JobId job, AttemptNumber attempt) {
    return "secret-" + std::to_string(job.value()) + "-" + std::to_string(attempt.value());
  };
  options.declared = {NodeSpec{.name = node_name_,
                               .site = "local",
                               .accelerator_type = "cpu",
                               .accelerators = 8,
                               .cpus = CpuShare(8000),
                               .memory = Bytes(std::int64_t{8} << 30)}};
  return options;
}

std::unique_ptr<Engine> EngineTest::start(Reports& reports, std::vector<DesiredAttempt> desired,
                                          std::optional<LocalEngineOptions> with) {
  auto engine = make_local_engine(with ? std::move(*with) : options());
  const auto started = engine->start(reports.sink(), std::move(desired));
  if (!started.ok()) ADD_FAILURE() << started.error().message;
  // It answers in order: what it says of this stop, it says after it has looked at everything.
  DesiredAttempt probe = shell(999'999 + probes_++, "");
  probe.goal = AttemptGoal::kStop;
  engine->set(probe);
  wait_gone(reports, probe);
  return engine;
}

DesiredAttempt EngineTest::shell(std::uint64_t job, const std::string& script,
                                 std::uint32_t tasks) const {
  auto spec = std::make_shared<JobSpec>();
  spec->name = "test";
  spec->command = {"/bin/sh", "-c", script};
  spec->workdir = home_;
  spec->gang.tasks = tasks;
  spec->grace = seconds(20);
  DesiredAttempt desired;
  desired.job = JobId(job);
  desired.record = JobId(job);
  desired.attempt = AttemptNumber(1);
  desired.epoch = Epoch(job);
  desired.spec = std::move(spec);
  NodeSlice slice{.node = NodeId(0), .first_rank = 0, .tasks = tasks, .devices = {}};
  for (std::uint32_t i = 0; i < tasks; ++i) {
    slice.devices.push_back({static_cast<std::uint16_t>(i), kWholeAccelerator});
  }
  desired.placement = {std::move(slice)};
  desired.node_names = {node_name_};
  return desired;
}

DesiredAttempt EngineTest::stopping(DesiredAttempt desired, Duration grace) {
  desired.goal = AttemptGoal::kStop;
  desired.grace = grace;
  return desired;
}

JobSpec& EngineTest::spec_of(DesiredAttempt& desired) {
  auto changed = std::make_shared<JobSpec>(*desired.spec);
  JobSpec& spec = *changed;
  desired.spec = std::move(changed);
  return spec;
}

TaskExit EngineTest::wait_exit(const Reports& reports, const DesiredAttempt& desired, Rank rank) {
  TaskExit exit;
  const bool seen = reports.wait(
      [&](const std::vector<InputBody>& bodies) {
        for (const InputBody& body : bodies) {
          const TaskExited* exited = as_exit(body, desired, rank);
          if (exited != nullptr) exit = exited->exit;
          if (exited != nullptr) return true;
        }
        return false;
      },
      kPatience);
  EXPECT_TRUE(seen) << "the end of rank " << rank.value() << " of job " << desired.job.value()
                    << " was not reported";
  return exit;
}

void EngineTest::wait_started(const Reports& reports, const DesiredAttempt& desired) {
  const bool seen = reports.wait(
      [&](const std::vector<InputBody>& bodies) {
        for (const InputBody& body : bodies) {
          const auto* started = std::get_if<AttemptStarted>(&body);
          if (started != nullptr && started->epoch == desired.epoch) return true;
        }
        return false;
      },
      kPatience);
  EXPECT_TRUE(seen) << "job " << desired.job.value() << " was not reported to run";
}

AttemptGone EngineTest::wait_gone(const Reports& reports, const DesiredAttempt& desired) {
  AttemptGone result;
  const bool seen = reports.wait(
      [&](const std::vector<InputBody>& bodies) {
        for (const InputBody& body : bodies) {
          const AttemptGone* gone = as_gone(body, desired);
          if (gone != nullptr) result = *gone;
          if (gone != nullptr) return true;
        }
        return false;
      },
      kPatience);
  EXPECT_TRUE(seen) << "job " << desired.job.value() << " was not reported to be gone";
  return result;
}

void EngineTest::wait_until(const std::function<bool()>& done, const std::string& what) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::nanoseconds(kPatience.count());
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "waited in vain until " << what;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void EngineTest::wait_file(const std::string& path) {
  wait_until([&] { return std::filesystem::exists(path); }, path + " exists");
}

std::string EngineTest::output(Engine& engine, const DesiredAttempt& desired, Rank rank,
                               bool standard_error) {
  std::string text;
  LogQuery query{.job = desired.job,
                 .attempt = desired.attempt,
                 .rank = rank,
                 .standard_error = standard_error};
  while (true) {
    query.offset = text.size();
    auto chunk = engine.read_log(query);
    EXPECT_TRUE(chunk.ok());
    if (!chunk.ok()) return text;
    text += chunk->data;
    if (chunk->complete || chunk->data.empty()) return text;
  }
}

RankFiles EngineTest::files(const DesiredAttempt& desired, Rank rank) const {
  return {home_ + "/run/" + std::to_string(desired.job.value()) + "/" +
          std::to_string(desired.attempt.value()) + "/" + std::to_string(rank.value())};
}

std::string EngineTest::text(const std::string& name) const {
  return read_file(path(name)).value_or("");
}

std::vector<std::string> EngineTest::survivors() const {
  std::vector<std::string> found;
  for (const ProcessRow& row : all_processes()) {
    if (row.id.pid == ::getpid() || row.state == 'Z') continue;
    const std::string directory = "/proc/" + std::to_string(row.id.pid);
    const std::string arguments = read_file(directory + "/cmdline").value_or("");
    const std::string environment = read_file(directory + "/environ").value_or("");
    if (arguments.find(home_ + "/") == std::string::npos &&
        environment.find(home_ + "/") == std::string::npos) {
      continue;
    }
    found.push_back(std::to_string(row.id.pid) + ": " + arguments.c_str());
  }
  return found;
}

std::vector<std::string> EngineTest::groups_left() const {
  std::vector<std::string> found;
  const Containment containment(ContainmentChoice::kBest, home_);
  for (const TaskCgroup& group : containment.for_task(JobId(1), AttemptNumber(1), Rank(0),
                                                      {.accelerators = {},
                                                      .cpus = kWholeCpu,
                                                      .memory = Bytes(1 << 20),
                                                      .accelerator_type = {}})) {
    const std::string ours = group.directory.substr(0, group.directory.rfind('/'));
    if (std::filesystem::exists(ours)) found.push_back(ours);
  }
  return found;
}

}  // namespace mw::local::testing
