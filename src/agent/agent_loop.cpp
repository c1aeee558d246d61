#include "agent/agent_loop.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace mw::agent {
namespace {

// A file is not told of by poll(2); so often it is looked whether it has grown.
constexpr Duration kFileEvery = milliseconds(500);
constexpr Duration kDateEvery = seconds(60);
constexpr Duration kSaveEvery = seconds(60);
constexpr Duration kRetryFirst = seconds(1);

Instant read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return Instant(time.tv_sec * 1'000'000'000 + time.tv_nsec);
}

}  // namespace

Agent::Moment moment_now() { return {read_clock(CLOCK_REALTIME), read_clock(CLOCK_MONOTONIC)}; }

AgentLoop::AgentLoop(Options options, Agent& agent, KernelLog* log, const StateFile* file,
                     AgentPorts ports)
    : options_(options), agent_(agent), log_(log), file_(file), ports_(std::move(ports)) {}

void AgentLoop::say_once(std::string& last, const std::string& text) {
  if (text != last && !text.empty()) ports_.say(text);
  last = text;
}

Result<void> AgentLoop::save() {
  const bool changed = agent_.take_changed();
  if (agent_.state().dropped > dropped_said_) {
    ports_.say(
        fmt::format("the queue is full: {} reports were dropped, the least severe and of "
                    "those the oldest first",
                    agent_.state().dropped - dropped_said_));
    dropped_said_ = agent_.state().dropped;
  }
  if (!changed || file_ == nullptr) return {};
  return file_->save(agent_.state());
}

Result<void> AgentLoop::read_log() {
  if (log_ == nullptr) return {};
  const std::string trouble = log_->read(
      agent_.state().log, [&](const KernelLine& line) { agent_.note_line(line, moment_now()); });
  say_once(log_trouble_, trouble);
  if (log_->lost() > lost_said_) {
    ports_.say(fmt::format("{} records of the kernel's log were gone before they were read",
                           log_->lost() - lost_said_));
    lost_said_ = log_->lost();
  }
  return save();
}

Result<void> AgentLoop::see() {
  agent_.begin_round();
  // The sources first: they say which accelerator an address of the log is.
  agent_.look(moment_now());
  // A long log is read in pieces.
  for (LogPosition before; log_ != nullptr;) {
    before = agent_.state().log;
    if (auto read = read_log(); !read) return read;
    if (agent_.state().log == before) break;
  }
  return save();
}

AgentLoop::Verdict AgentLoop::judge(std::size_t count, const SendAnswer& answer) {
  Verdict verdict{.done = count};
  for (const SendAnswer::Refused& refused : answer.refused) {
    // A node that is not declared yet may be later; what makes no sense now never will.
    if (refused.code == ErrorCode::kInvalid) {
      ports_.say(fmt::format("a report was refused for good, and is dropped: {}", refused.message));
      continue;
    }
    if (!verdict.wait) verdict.why = refused.message;
    verdict.wait = true;
    verdict.done = std::min(verdict.done, refused.index);
  }
  return verdict;
}

Result<void> AgentLoop::send_some() {
  const std::size_t count = std::min(agent_.state().queue.size(), at_once_);
  const Instant sent = moment_now().now;
  const auto answer = ports_.send(agent_.outbox().body(count));
  if (!answer) {
    if (answer.error().code != ErrorCode::kInvalid && answer.error().code != ErrorCode::kTooLarge) {
      return answer.error();
    }
    // One that makes no sense keeps none of the others from being told: they go one by one.
    if (count > 1) {
      at_once_ = 1;
      return {};
    }
    ports_.say(
        fmt::format("a report was refused for good, and is dropped: {}", answer.error().message));
    agent_.acknowledge(1);
    return save();
  }
  at_once_ = kSendMost;
  agent_.note_date(answer->date, sent, moment_now());
  const Verdict verdict = judge(count, *answer);
  agent_.acknowledge(verdict.done);
  if (auto saved = save(); !saved) return saved;
  if (verdict.wait) {
    return Error{ErrorCode::kUnavailable,
                 "the control plane takes no reports of this node: " + verdict.why};
  }
  return {};
}

Result<void> AgentLoop::send_all() {
  while (!agent_.outbox().empty()) {
    if (auto sent = send_some(); !sent) return sent;
  }
  return {};
}

Result<void> AgentLoop::run(int stop_descriptor) {
  Instant look_next;
  Instant send_next;
  Instant date_next;
  Instant save_next;
  Duration retry = kRetryFirst;
  for (;;) {
    agent_.begin_round();
    const Instant now = moment_now().since_boot;
    if (now >= look_next) {
      agent_.look(moment_now());
      look_next = now + options_.look_every;
    }
    if (auto read = read_log(); !read) return read;
    if (!agent_.outbox().empty() && now >= send_next) {
      const auto sent = send_all();
      say_once(send_trouble_, sent ? "" : sent.error().message + " (what is seen is queued)");
      retry = sent ? kRetryFirst : std::min(retry * 2, options_.retry_most);
      send_next = sent ? now : moment_now().since_boot + retry;
    }
    if (now >= date_next) {
      const Instant asked = moment_now().now;
      const auto answer = ports_.ask_date();
      if (answer) agent_.note_date(answer->date, asked, moment_now());
      date_next = now + kDateEvery;
    }
    if (now >= save_next && file_ != nullptr) {
      if (auto saved = file_->save(agent_.state()); !saved) return saved;
      save_next = now + kSaveEvery;
    }
    const int device = log_ == nullptr ? -1 : log_->descriptor();
    std::array<pollfd, 2> waits = {{{stop_descriptor, POLLIN, 0}, {device, POLLIN, 0}}};
    const Duration longest = device >= 0 ? seconds(1) : kFileEvery;
    ::poll(waits.data(), waits.size(), static_cast<int>(longest.count() / 1'000'000));
    if (waits[0].revents != 0) {
      return file_ == nullptr ? Result<void>() : file_->save(agent_.state());
    }
  }
}

}  // namespace mw::agent
