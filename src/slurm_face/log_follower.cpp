#include "slurm_face/log_follower.h"

#include <fmt/format.h>

#include <charconv>

namespace mw::face {

bool LogFollower::show(std::size_t stream) {
  const auto reply = api_.get(fmt::format("/v1/jobs/{}/logs", job_),
                              {{"rank", "0"},
                               {"stream", stream == 0 ? "stdout" : "stderr"},
                               {"offset", std::to_string(offsets_[stream])}});
  if (!reply) return false;  // not started yet, or the control plane is away: later
  const std::string next = reply->header("X-Millwright-Next-Offset");
  std::from_chars(next.data(), next.data() + next.size(), offsets_[stream]);
  if (stream == 0) {
    console_.out(reply->body);
  } else {
    console_.err(reply->body);
  }
  return !reply->body.empty();
}

void LogFollower::show_new() {
  for (const std::size_t stream : {0U, 1U}) show(stream);
}

void LogFollower::show_rest() {
  for (const std::size_t stream : {0U, 1U}) {
    while (show(stream)) {}
  }
}

}  // namespace mw::face
