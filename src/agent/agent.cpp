#include "agent/agent.h"

#include <utility>

namespace mw::agent {
namespace {

// A counter is read this much later, at most, than the line about the same fault was written.
constexpr Duration kSameFault = seconds(60);
// One that holds is told again: a node that is watched for it is not to be trusted again meanwhile.
// The shortest watch that makes sense is longer.
constexpr Duration kTellAgain = minutes(10);
// Names of faults that the log told of; a machine has far fewer than this.
constexpr std::size_t kLoggedMax = 1'000;
// Conditions that hold; beyond this something is wrong with the source.
constexpr std::size_t kConditionsMax = 10'000;

std::string place_of(const Sighting& sighting) { return sighting.code + " " + sighting.pci; }

}  // namespace

Agent::Agent(Options options, AgentState state)
    : options_(std::move(options)),
      state_(std::make_unique<AgentState>(std::move(state))),
      root_(options_.root),
      outbox_(*state_, options_.node, options_.queue_room),
      saved_(*state_) {}

bool Agent::seen_in_log(const Sighting& sighting, Moment moment) const {
  const auto found = logged_.find(place_of(sighting));
  return found != logged_.end() && moment.since_boot - found->second < kSameFault;
}

void Agent::note_condition(Sighting sighting, Moment moment, bool told_already) {
  const std::string key = condition_key(sighting);
  // A fault has one place in the control plane: it is over when its last part is.
  const std::string all = place_of(sighting) + " ";
  const auto holds_elsewhere = [&] {
    const auto next = state_->conditions.lower_bound(all);
    return next != state_->conditions.end() && next->first.starts_with(all);
  };
  if (sighting.kind == SightingKind::kBegins) {
    const bool full = state_->conditions.size() >= kConditionsMax;
    if (full && !state_->conditions.contains(key)) return;
    const bool begins = state_->conditions.emplace(key, true).second;
    Instant& told = told_.try_emplace(all, moment.since_boot).first->second;
    const bool again = !begins && moment.since_boot - told >= kTellAgain;
    if (begins || again) told = moment.since_boot;
    if (again) sighting.count = 0;  // it still holds: it has not happened once more
    if (again || (begins && !told_already)) outbox_.add(sighting, moment.now);
  } else if (state_->conditions.erase(key) > 0 && !holds_elsewhere()) {
    told_.erase(all);
    outbox_.add(sighting, moment.now);
  }
}

void Agent::note(Sighting sighting, Moment moment) {
  if (sighting.kind != SightingKind::kHappened) return note_condition(sighting, moment, false);
  outbox_.add(sighting, moment.now);
}

void Agent::note_line(const KernelLine& line, Moment moment) {
  if (!line.from_kernel) return;
  auto sighting = read_kernel_message(line.message);
  if (!sighting) return;
  if (line.at) sighting->at = *line.at;
  if (line.monotonic_us) {
    const Instant stamp(*line.monotonic_us > INT64_MAX / 1000 ? INT64_MAX
                                                              : *line.monotonic_us * 1000);
    const Duration ago = moment.since_boot - std::min(stamp, moment.since_boot);
    sighting->at = moment.now - ago;
  }
  if (logged_.size() >= kLoggedMax) logged_.clear();
  logged_[place_of(*sighting)] = moment.since_boot;
  note(std::move(*sighting), moment);
}

void Agent::look(Moment moment) {
  std::vector<Sighting> seen;
  for (const auto& source : options_.sources) source->look(root_, *state_, seen);
  for (Sighting& sighting : seen) {
    if (sighting.kind == SightingKind::kBegins) {
      note_condition(sighting, moment, seen_in_log(sighting, moment));
    } else if (sighting.kind == SightingKind::kEnds || !seen_in_log(sighting, moment)) {
      note(std::move(sighting), moment);
    }
  }
}

void Agent::note_date(std::string_view http_date, Instant sent, Moment received) {
  const auto date = parse_http_date(http_date);
  if (date) note(clock_skew(*state_, *date, sent, received.now), received);
}

void Agent::acknowledge(std::size_t count) { outbox_.acknowledge(count); }

bool Agent::take_changed() {
  // How far the log was read is not worth a write of its own: lines without faults may be read
  // again. What is queued is, and so is what was read when it was.
  LogPosition unread = state_->log;
  std::swap(unread, saved_.log);
  const bool moved = saved_.log.inode != unread.inode || saved_.log.boot != unread.boot;
  const bool changed = moved || saved_ != *state_;
  if (changed) {
    saved_ = *state_;
  } else {
    saved_.log = std::move(unread);
  }
  return changed;
}

}  // namespace mw::agent
