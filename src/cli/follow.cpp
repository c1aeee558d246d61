#include "cli/follow.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "cli/format.h"
#include "codec/text.h"

namespace mw {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(1);
constexpr auto kReconnectEvery = std::chrono::milliseconds(500);

/// Ctrl-C leaves the job alone; this says so. Filled before the handler is set.
std::array<char, 160> goodbye{};
std::size_t goodbye_size = 0;

extern "C" void on_interrupt(int) {
  const ssize_t ignored = ::write(STDERR_FILENO, goodbye.data(), goodbye_size);
  static_cast<void>(ignored);
  ::_exit(130);
}

/// While it lives, an interrupt ends only the watching, and says that the job goes on.
class InterruptMessage {
 public:
  explicit InterruptMessage(std::uint64_t job) {
    const auto end = fmt::format_to_n(
        goodbye.data(), goodbye.size(),
        "\nNo longer watching; job {0} goes on. See \"mw job show {0}\", stop it with "
        "\"mw job cancel {0}\".\n",
        job);
    goodbye_size = std::min(end.size, goodbye.size());
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, &before_);
  }
  ~InterruptMessage() { ::sigaction(SIGINT, &before_, nullptr); }
  InterruptMessage(const InterruptMessage&) = delete;
  InterruptMessage& operator=(const InterruptMessage&) = delete;

 private:
  struct sigaction before_ {};
};

/// Shows a model: one line that is redrawn at the bottom of a terminal, or plain lines.
class Display {
 public:
  Display(const Console& console, FollowStyle style) : console_(console), style_(style) {}
  ~Display() { clear(); }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void note(const FollowModel& model, Instant at, const std::string& line) {
    if (style_ == FollowStyle::kQuiet) return;
    clear();
    const std::string text = fmt::format("{}  {}", time_of_day_text(at), printable(line));
    const TerminalTraits& traits = console_.out_traits;
    console_.out((traits.width > 0 ? clip(text, traits.width, traits.unicode) : text) + "\n");
    update(model, true);
  }

  void update(const FollowModel& model, bool now = false) {
    if (style_ == FollowStyle::kQuiet || (model.version() == shown_version_ && !now)) return;
    const bool live = console_.out_traits.interactive;
    const auto time = Clock::now();
    const bool due =
        time - shown_at_ >= (live ? Clock::duration(kRedrawEvery) : Clock::duration(kLineEvery));
    if (!(live && now) && !due) return;
    if (model.done()) return;
    shown_at_ = time;
    if (live) {
      draw(model);
    } else if (std::string line = printable(model.status()); !now && line != shown_line_) {
      console_.out(line + "\n");
      shown_line_ = std::move(line);
    }
    shown_version_ = model.version();
  }

  void clear() {
    if (drawn_) console_.out("\r\x1b[K");
    drawn_ = false;
  }

 private:
  void draw(const FollowModel& model) {
    const TerminalTraits& traits = console_.out_traits;
    const std::size_t room =
        traits.width > 1 ? traits.width - 1 : 79;  // the last column would wrap
    std::string line;
    if (const auto share = model.share()) {
      const std::size_t width = std::min<std::size_t>(30, room / 3);
      line = fmt::format("{} {:3.0f}%  ", bar_text(*share, width, traits.unicode), *share * 100);
    }
    line += printable(model.status());
    console_.out("\r" + clip(line, room, traits.unicode) + "\x1b[K");
    drawn_ = true;
  }

  const Console& console_;
  FollowStyle style_;
  bool drawn_ = false;
  std::uint64_t shown_version_ = 0;
  std::string shown_line_;
  Clock::time_point shown_at_{};
};

}  // namespace

void FollowModel::take_progress(const JsonView& event) {
  const JsonView progress = event["progress"];
  const Instant at = event["at_ns"].instant().value_or(Instant());
  if (progress["step"].present()) step_ = progress["step"].integer();
  if (progress["steps_total"].present()) steps_total_ = progress["steps_total"].integer();
  if (progress["loss"].present()) loss_ = progress["loss"].real();
  if (progress["rate"].present()) rate_ = progress["rate"].real();
  if (progress["unit"].present()) unit_ = progress["unit"].text();
  if (step_ && !base_step_) {
    base_step_ = step_;
    base_at_ = at;
  }
  last_at_ = at;
}

std::optional<std::string> FollowModel::take(const JsonView& event) {
  const auto seq = static_cast<std::uint64_t>(event["seq"].integer());
  if (seq != 0 && seq <= last_seq_) return std::nullopt;
  last_seq_ = std::max(last_seq_, seq);
  const auto job = static_cast<std::uint64_t>(event["job"].integer());
  if (job < first_ || job - first_ >= count_) return std::nullopt;
  ++version_;
  const std::string kind = event["kind"].text();
  if (kind == "progress_noted") {
    take_progress(event);
    return std::nullopt;
  }
  if (kind == "attempt_placed") {
    states_[job] = "starting";
    phase_ = "starting";
    base_step_.reset();
  } else if (kind == "attempt_running") {
    states_[job] = "running";
    phase_ = "running";
  } else if (kind == "attempt_ended") {
    states_.erase(job);
    phase_ = "waiting";
    base_step_.reset();
  } else if (kind == "checkpoint_kept") {
    checkpoint_step_ = event["checkpoint"]["step"].integer();
  } else if (kind == "job_finished") {
    states_.erase(job);
    ++ended_;
    succeeded_ += event["state"].text() == "succeeded" ? 1 : 0;
    phase_ = "ended";
  }
  if (kind == "checkpoint_started") return std::nullopt;
  // Of an array only what went wrong is worth a line; the status line has the sums.
  const bool failed = kind == "job_finished" && event["state"].text() != "succeeded";
  if (count_ > 1 && !failed) return std::nullopt;
  const std::string text = event["text"].text(kind);
  return count_ > 1 ? fmt::format("[{}] {}", job - first_, text) : text;
}

std::optional<double> FollowModel::share() const {
  if (count_ > 1) return static_cast<double>(ended_) / static_cast<double>(count_);
  if (!step_ || !steps_total_ || *steps_total_ <= 0) return std::nullopt;
  return std::clamp(static_cast<double>(*step_) / static_cast<double>(*steps_total_), 0.0, 1.0);
}

std::optional<Duration> FollowModel::time_left() const {
  if (!step_ || !base_step_ || !steps_total_ || *step_ <= *base_step_ || *steps_total_ <= *step_)
    return std::nullopt;
  const double pace = static_cast<double>((last_at_ - base_at_).count()) /
                      static_cast<double>(*step_ - *base_step_);
  return Duration(static_cast<std::int64_t>(pace * static_cast<double>(*steps_total_ - *step_)));
}

std::string FollowModel::status() const {
  if (count_ > 1) {
    return fmt::format("{} of {} ended, {} failed, {} on accelerators", ended_, count_,
                       ended_ - succeeded_, states_.size());
  }
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : "  ") + part; };
  if (step_ && steps_total_) {
    add(fmt::format("step {}/{}", *step_, *steps_total_));
  } else if (step_) {
    add(fmt::format("step {}", *step_));
  }
  if (phase_ != "running" || !step_) add(phase_);
  if (loss_) add("loss " + measure_text(*loss_));
  if (rate_) add(count_text(*rate_) + (unit_.empty() ? "/s" : " " + unit_ + "/s"));
  if (const auto left = time_left()) add(duration_text(*left) + " left");
  if (checkpoint_step_) add(fmt::format("checkpoint {}", *checkpoint_step_));
  return out;
}

Result<bool> follow_jobs(Api& api, const Console& console, std::uint64_t first, std::uint64_t count,
                         FollowStyle style) {
  const InterruptMessage message(first);
  FollowModel model(first, count);
  Display display(console, style);
  bool away = false;
  while (!model.done()) {
    HttpFields query = {{"after", std::to_string(model.last_seq())}, {"follow", "1"}};
    if (count == 1) {
      query.emplace_back("job", std::to_string(first));
    } else if (model.last_seq() == 0) {
      // The stream of everything, from the array's own submission on.
      const auto begin = api.get("/v1/events", {{"job", std::to_string(first)}, {"limit", "1"}});
      if (!begin && begin.error().code != ErrorCode::kUnavailable) return begin.error();
      const auto& events = begin ? begin->view()["events"].list() : JsonView().list();
      const std::int64_t seq = events.empty() ? 1 : JsonView(events[0])["seq"].integer(1);
      query[0].second = std::to_string(seq - 1);
    }
    const auto ended = api.stream("/v1/events", query, [&](const SseEvent& event) {
      away = false;
      boost::json::error_code failure;
      const boost::json::value value = boost::json::parse(event.data, failure);
      if (failure) return true;  // an event of a kind that this version does not know
      const JsonView view(value);
      if (const auto line = model.take(view))
        display.note(model, view["at_ns"].instant().value_or(wall_clock()), *line);
      display.update(model);
      return !model.done();
    });
    if (model.done()) break;
    if (!ended && ended.error().code != ErrorCode::kUnavailable &&
        ended.error().code != ErrorCode::kTimeout) {
      return ended.error();
    }
    if (!away) {
      display.clear();
      console.warn("the control plane is away; waiting for it (the job goes on)");
    }
    away = true;
    std::this_thread::sleep_for(kReconnectEvery);
  }
  display.clear();
  return model.succeeded();
}

}  // namespace mw
