#include "slurm_face/log_follower.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <thread>

#include "slurm_face/submit.h"

namespace mw::face {

Result<bool> LogFollower::show(std::size_t stream) {
  const auto reply = api_.get(fmt::format("/v1/jobs/{}/logs", job_),
                              {{"rank", "0"},
                               {"stream", stream == 0 ? "stdout" : "stderr"},
                               {"offset", std::to_string(offsets_[stream])}});
  if (!reply) return reply.error();
  const std::string next = reply->header("X-Millwright-Next-Offset");
  std::from_chars(next.data(), next.data() + next.size(), offsets_[stream]);
  if (stream == 0) {
    console_.out(reply->body);
  } else {
    console_.err(reply->body);
  }
  return !reply->body.empty();
}

void LogFollower::follow_attempt(std::int64_t attempt) {
  if (attempt == attempt_) return;
  if (attempt_ > 0) offsets_ = {};
  attempt_ = attempt;
}

void LogFollower::show_new() {
  for (const std::size_t stream : {0U, 1U}) {
    // Not started yet, or the control plane is away: later.
    [[maybe_unused]] const auto shown = show(stream);
  }
}

void LogFollower::show_rest() {
  const auto until = std::chrono::steady_clock::now() + kAnswerWait;
  for (const std::size_t stream : {0U, 1U}) {
    while (true) {
      const auto shown = show(stream);
      if (shown ? !*shown
                : !may_come_back(shown.error()) || std::chrono::steady_clock::now() > until) {
        break;
      }
      if (!shown) std::this_thread::sleep_for(kAskAgainEvery);
    }
  }
}

}  // namespace mw::face
