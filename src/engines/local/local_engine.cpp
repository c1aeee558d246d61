#include "engines/local/local_engine.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <variant>

#include "engines/local/environment.h"
#include "engines/local/local_attempt.h"
#include "engines/local/task_log.h"

namespace mw {
namespace local {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
/// How often an attempt that is on its way is looked at, in case a hint about it was lost. Far
/// below what a person notices, far above what a look costs.
constexpr std::int64_t kLookAgainAfter = 20 * kMillisecond;
/// Reports that are not answered are repeated after twice as long each time, up to this.
constexpr std::int64_t kRepeatAtMost = 60'000 * kMillisecond;
/// Forgotten epochs that are remembered, so that a late command cannot start one again.
constexpr std::size_t kForgottenKept = 4096;

struct ForgetAttempt {
  JobId job;
  Epoch epoch;
};
using Command = std::variant<DesiredAttempt, ForgetAttempt>;

/// An attempt with what the engine keeps about it.
struct Tracked {
  explicit Tracked(LocalAttempt&& made) : attempt(std::move(made)) {}
  LocalAttempt attempt;
  std::vector<int> watched;    ///< by rank: the descriptor in the epoll set; -1: none
  bool say_again = false;      ///< everything, with the next report
  std::int64_t repeat_at = 0;  ///< monotonic
  std::int64_t repeat_delay = 0;
  std::optional<DesiredAttempt> next;  ///< to be started once this one is out of the way
};

/// Who is meant by a descriptor in the epoll set.
struct Watch {
  AttemptKey key;
  Rank rank;
};
constexpr std::uint64_t kCommandsTag = 0;
constexpr std::uint64_t kHintsTag = 1;

class LocalEngine final : public Engine {
 public:
  explicit LocalEngine(LocalEngineOptions options)
      : options_(std::move(options)),
        containment_(options_.containment, options_.home.string()),
        run_(options_.home, options_.logs_kept),
        context_{options_, containment_, run_, {}, inherited_environment(options_.inherited)} {}

  ~LocalEngine() override { detach(); }

  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override;
  void set(DesiredAttempt desired) override { enqueue(std::move(desired)); }
  void forget(JobId job, Epoch epoch) override { enqueue(ForgetAttempt{job, epoch}); }
  void detach() override;
  Result<LogChunk> read_log(const LogQuery& query) override;
  bool runs_as_users() const override { return false; }
  bool replaces_ranks() const override { return true; }
  std::string containment() const override {
    const std::scoped_lock lock(mutex_);
    return containment_text_.empty() ? containment_.describe() : containment_text_;
  }

 private:
  Result<void> open_hint_socket();
  void enqueue(Command command);
  void run(std::vector<DesiredAttempt> desired);
  void adopt(std::vector<DesiredAttempt> desired);
  void take_commands();
  void take_hints();
  void handle(DesiredAttempt desired);
  void handle(const ForgetAttempt& command);
  void begin(DesiredAttempt desired);
  void take_over(const DesiredAttempt& desired);
  [[nodiscard]] bool is_kept(JobId job, AttemptNumber attempt) const;
  void supervisor_ended(std::uint64_t tag);
  void look_around();
  void service(AttemptKey key);
  void report(Tracked& tracked);
  void update_watches(Tracked& tracked);
  bool retire_if_over(AttemptKey key);
  [[nodiscard]] int wait_ms() const;

  LocalEngineOptions options_;
  Containment containment_;
  RunDirectory run_;
  AttemptContext context_;
  ObservationSink sink_;

  mutable std::mutex mutex_;  ///< of the next two
  std::deque<Command> commands_;
  std::string containment_text_;  ///< once prepared
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
  UniqueFd epoll_;
  UniqueFd wake_;
  UniqueFd hints_;

  // Of the thread.
  std::map<AttemptKey, Tracked> attempts_;
  std::map<JobId, Epoch> newest_;  ///< of each job with an attempt
  std::set<Epoch> forgotten_;
  std::unordered_map<std::uint64_t, Watch> watches_;
  std::uint64_t next_tag_ = kHintsTag + 1;
  std::int64_t look_at_ = 0;  ///< monotonic; when unsettled attempts are looked at next
};

Result<void> LocalEngine::start(ObservationSink sink, std::vector<DesiredAttempt> desired) {
  if (::access(options_.supervisor.c_str(), X_OK) != 0) {
    return system_error(ErrorCode::kUnavailable, "use the supervisor program",
                        options_.supervisor.string(), errno);
  }
  const auto machine = discover(options_.discovery);
  if (!machine.ok()) return machine.error();
  context_.nodes = local_nodes(*machine, options_.site, options_.declared);
  containment_.prepare();
  {
    const std::scoped_lock lock(mutex_);
    containment_text_ = containment_.describe();
  }
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_.valid() || !wake_.valid()) {
    return system_error(ErrorCode::kUnavailable, "open", "an event descriptor", errno);
  }
  const auto socket = open_hint_socket();
  if (!socket.ok()) return socket.error();
  for (const auto& [fd, tag] :
       {std::pair(wake_.get(), kCommandsTag), std::pair(hints_.get(), kHintsTag)}) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return system_error(ErrorCode::kUnavailable, "watch", "an event descriptor", errno);
    }
  }
  sink_ = std::move(sink);
  for (const LocalNode& node : context_.nodes) sink_(NodeSeen{node.spec});
  spdlog::info("local engine: {} node(s), {} core(s), {} NUMA node(s); containment: {}",
               context_.nodes.size(), machine->cores, machine->numa.size(), containment());
  thread_ = std::thread([this, wanted = std::move(desired)]() mutable { run(std::move(wanted)); });
  return {};
}

Result<void> LocalEngine::open_hint_socket() {
  const std::string path = (options_.home / "engine.sock").string();
  const UniqueFd home(::open(options_.home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  hints_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!home.valid() || !hints_.valid()) {
    return system_error(ErrorCode::kUnavailable, "open", path, errno);
  }
  ::unlink(path.c_str());
  // By descriptor: an address holds 107 bytes, and a home's path may be longer.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/engine.sock",
                home.get());
  if (::bind(hints_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error(ErrorCode::kUnavailable, "listen at", path, errno);
  }
  ::chmod(path.c_str(), 0600);
  return {};
}

void LocalEngine::enqueue(Command command) {
  {
    const std::scoped_lock lock(mutex_);
    commands_.push_back(std::move(command));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void LocalEngine::detach() {
  if (thread_.joinable()) {
    stopping_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
    thread_.join();
  }
  if (!hints_.valid()) return;  // not started, or detached before
  hints_.reset();
  ::unlink((options_.home / "engine.sock").c_str());
  // A supervisor that is just starting may be about to use them.
  const bool starting = std::any_of(attempts_.begin(), attempts_.end(), [](const auto& each) {
    return each.second.attempt.unsettled();
  });
  if (!starting) containment_.release();
}

void LocalEngine::run(std::vector<DesiredAttempt> desired) {
  adopt(std::move(desired));
  take_commands();
  std::array<epoll_event, 64> events;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms());
    for (int i = 0; i < count && !stopping_; ++i) {
      switch (events[static_cast<std::size_t>(i)].data.u64) {
        case kCommandsTag:
          take_commands();
          break;
        case kHintsTag:
          take_hints();
          break;
        default:
          supervisor_ended(events[static_cast<std::size_t>(i)].data.u64);
          break;
      }
    }
    look_around();
  }
}

void LocalEngine::adopt(std::vector<DesiredAttempt> desired) {
  const auto found = run_.open();
  if (!found.ok()) { spdlog::error("local engine: {}", found.error().message); }
  for (DesiredAttempt& each : desired) handle(std::move(each));
  if (!found.ok()) return;
  for (const AttemptKey& key : *found) {
    if (attempts_.contains(key) || is_kept(key.first, key.second)) continue;
    spdlog::info("local engine: job {} attempt {} is not wanted any more: stopping it",
                 key.first.value(), key.second.value());
    attempts_.emplace(key, LocalAttempt(context_, key));
    service(key);
  }
  containment_.remove_stale([this](JobId job, AttemptNumber attempt) {
    return attempts_.contains({job, attempt}) || is_kept(job, attempt);
  });
}

void LocalEngine::take_commands() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
  while (!stopping_) {
    std::deque<Command> commands;
    {
      const std::scoped_lock lock(mutex_);
      commands.swap(commands_);
    }
    if (commands.empty()) return;
    for (Command& command : commands) {
      if (stopping_) return;
      std::visit([this](auto&& each) { handle(std::forward<decltype(each)>(each)); },
                 std::move(command));
    }
  }
}

void LocalEngine::take_hints() {
  std::array<char, 128> text;
  while (true) {
    const ssize_t got = ::recv(hints_.get(), text.data(), text.size() - 1, 0);
    if (got < 0) return;
    text[static_cast<std::size_t>(got)] = '\0';
    unsigned long long job = 0;
    unsigned attempt = 0;
    unsigned rank = 0;
    if (std::sscanf(text.data(), "%llu %u %u", &job, &attempt, &rank) != 3) continue;
    const AttemptKey key{JobId(job), AttemptNumber(attempt)};
    // A rank that is kept names the attempt in which it was started.
    const auto found = attempts_.lower_bound(key);
    if (found == attempts_.end() || found->first.first != key.first) continue;
    const AttemptKey now = found->first;
    found->second.attempt.look(Rank(rank));
    update_watches(found->second);
    report(found->second);
    retire_if_over(now);
  }
}

void LocalEngine::handle(DesiredAttempt desired) {
  if (forgotten_.contains(desired.epoch)) return;
  Epoch& newest = newest_[desired.job];
  if (desired.epoch < newest) return;
  newest = desired.epoch;
  const AttemptKey key(desired.job, desired.attempt);
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return begin(std::move(desired));
  Tracked& tracked = found->second;
  if (!tracked.attempt.abandoned() && tracked.attempt.epoch() == desired.epoch) {
    tracked.attempt.want(std::move(desired));
    // Being told again may mean that what we said was lost: it costs little to say it again.
    tracked.say_again = true;
  } else {
    // What runs under its number belongs to another history of this home, and goes first.
    tracked.attempt.abandon();
    tracked.next = std::move(desired);
  }
  service(key);
}

/// Takes up an attempt: what of it is there already is adopted, unless it is another one that had
/// the same number, under a journal that is no more.
void LocalEngine::begin(DesiredAttempt desired) {
  const AttemptKey key(desired.job, desired.attempt);
  run_.discard_ended(key);
  if (!desired.kept.empty()) take_over(desired);
  LocalAttempt attempt(context_, desired);
  bool foreign = false;
  for (const RankProcess& rank : attempt.ranks()) {
    const auto spec = rank.spec();
    foreign = foreign || (spec && !attempt.is_of(spec->epoch));
  }
  if (foreign) {
    attempts_.emplace(key, LocalAttempt(context_, key)).first->second.next = std::move(desired);
  } else {
    attempts_.emplace(key, std::move(attempt));
  }
  service(key);
}

/// Ranks of earlier attempts are this one's from now on.
void LocalEngine::take_over(const DesiredAttempt& desired) {
  const AttemptKey key(desired.job, desired.attempt);
  const auto linked = run_.take_over(key, desired.kept);
  if (!linked.ok()) spdlog::error("local engine: {}", linked.error().message);
  const std::set<AttemptNumber> kept = attempts_of(desired.kept);
  for (const AttemptNumber earlier : kept) end_left_behind(run_, earlier, desired);
  for (auto it = attempts_.lower_bound({desired.job, AttemptNumber(0)});
       it != attempts_.end() && it->first < key;) {
    if (it->second.attempt.abandoned()) {
      ++it;
      continue;
    }
    std::erase_if(watches_, [&](const auto& each) { return each.second.key == it->first; });
    for (const int fd : it->second.watched) {
      if (fd >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    }
    if (!kept.contains(it->first.second)) {  // all that was started in it has been replaced since
      it->second.attempt.clean();
      run_.mark_ended(it->first);
    }
    it = attempts_.erase(it);
  }
}

bool LocalEngine::is_kept(JobId job, AttemptNumber attempt) const {
  for (auto it = attempts_.upper_bound({job, attempt});
       it != attempts_.end() && it->first.first == job; ++it) {
    if (it->second.attempt.keeps(attempt)) return true;
  }
  return false;
}

void LocalEngine::handle(const ForgetAttempt& command) {
  forgotten_.insert(command.epoch);
  if (forgotten_.size() > kForgottenKept) forgotten_.erase(forgotten_.begin());
  const auto newest = newest_.find(command.job);
  if (newest != newest_.end() && newest->second <= command.epoch) newest_.erase(newest);
  const auto first = attempts_.lower_bound({command.job, AttemptNumber(0)});
  for (auto it = first; it != attempts_.end() && it->first.first == command.job; ++it) {
    if (it->second.next && it->second.next->epoch == command.epoch) it->second.next.reset();
    if (it->second.attempt.abandoned() || it->second.attempt.epoch() != command.epoch) continue;
    const AttemptKey key = it->first;
    it->second.attempt.abandon();
    service(key);
    return;
  }
}

void LocalEngine::supervisor_ended(std::uint64_t tag) {
  const auto watch = watches_.find(tag);
  if (watch == watches_.end()) return;
  const Watch who = watch->second;
  watches_.erase(watch);
  Tracked& tracked = attempts_.at(who.key);
  int& fd = tracked.watched[who.rank.value()];
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  fd = -1;
  tracked.attempt.supervisor_ended(who.rank);
  service(who.key);
}

/// What hints and descriptors may have missed, and reports that nobody answered.
void LocalEngine::look_around() {
  const std::int64_t now = monotonic_ns();
  if (now < look_at_) return;
  look_at_ = now + kLookAgainAfter;
  std::vector<AttemptKey> keys;
  for (auto& [key, tracked] : attempts_) {
    if (tracked.attempt.unsettled()) keys.push_back(key);
    if (tracked.repeat_at == 0 || now < tracked.repeat_at) continue;
    tracked.repeat_delay = std::min(2 * tracked.repeat_delay, kRepeatAtMost);
    tracked.repeat_at = now + tracked.repeat_delay;
    for (InputBody& body : tracked.attempt.reports(true)) sink_(std::move(body));
  }
  for (const AttemptKey& key : keys) service(key);
}

void LocalEngine::service(AttemptKey key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  found->second.attempt.advance();
  update_watches(found->second);
  report(found->second);
  retire_if_over(key);
}

void LocalEngine::report(Tracked& tracked) {
  std::vector<InputBody> reports = tracked.attempt.reports(std::exchange(tracked.say_again, false));
  if (reports.empty()) return;
  tracked.repeat_delay = options_.repeat_after.count();
  tracked.repeat_at = monotonic_ns() + tracked.repeat_delay;
  for (InputBody& body : reports) sink_(std::move(body));
}

void LocalEngine::update_watches(Tracked& tracked) {
  std::vector<RankProcess>& ranks = tracked.attempt.ranks();
  tracked.watched.resize(ranks.size(), -1);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const int fd = ranks[i].supervisor_fd();
    if (fd < 0 || tracked.watched[i] >= 0) continue;
    const std::uint64_t tag = next_tag_++;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) continue;
    tracked.watched[i] = fd;
    watches_[tag] = {tracked.attempt.key(), Rank(static_cast<Rank::rep>(i))};
  }
}

/// An attempt that nobody wants to hear of any more leaves once nothing of it runs.
bool LocalEngine::retire_if_over(AttemptKey key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return true;
  LocalAttempt& attempt = found->second.attempt;
  if (!attempt.abandoned() || !attempt.over()) return false;
  attempt.clean();
  run_.mark_ended(key);
  for (const AttemptNumber kept : attempt.kept()) run_.mark_ended({key.first, kept});
  std::optional<DesiredAttempt> next = std::move(found->second.next);
  attempts_.erase(found);
  if (next) begin(std::move(*next));
  return true;
}

int LocalEngine::wait_ms() const {
  std::int64_t wake = monotonic_ns() + kRepeatAtMost;
  for (const auto& [key, tracked] : attempts_) {
    if (tracked.attempt.unsettled()) wake = std::min(wake, look_at_);
    if (tracked.repeat_at != 0) wake = std::min(wake, std::max(tracked.repeat_at, look_at_));
  }
  const std::int64_t left = wake - monotonic_ns();
  return left <= 0 ? 0 : static_cast<int>(left / kMillisecond + 1);
}

Result<LogChunk> LocalEngine::read_log(const LogQuery& query) {
  const RankFiles files{run_.rank({query.job, query.attempt}, query.rank).string()};
  struct stat info {};
  if (::stat(files.directory.c_str(), &info) != 0) {
    return Error{ErrorCode::kNotFound,
                 "no output of job " + std::to_string(query.job.value()) + ", attempt " +
                     std::to_string(query.attempt.value()) + ", rank " +
                     std::to_string(query.rank.value()) +
                     " is here: it has not started, or its output was removed to make room"};
  }
  // The end first: output that is read after the task's end was seen is all there will be.
  const auto status = read_status(files);
  const bool ended = status && status->phase == TaskPhase::kExited;
  TaskLogPart part = read_task_log(files.directory, query.standard_error ? "stderr" : "stdout",
                                   query.offset, query.limit);
  LogChunk chunk;
  chunk.offset = part.offset;
  chunk.data = std::move(part.data);
  chunk.complete = ended && chunk.offset + chunk.data.size() >= part.end;
  return chunk;
}

}  // namespace
}  // namespace local

std::unique_ptr<Engine> make_local_engine(LocalEngineOptions options) {
  return std::make_unique<local::LocalEngine>(std::move(options));
}

}  // namespace mw
