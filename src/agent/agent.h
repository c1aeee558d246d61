// An agent without a network and without a clock: what is seen goes in, with the time at which it
// was seen; what is to be told comes out of the queue. Conditions are told when they change, and
// what two sources see of one fault is told once. The state is all there is to remember.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent_state.h"
#include "agent/folder.h"
#include "agent/kernel_line.h"
#include "agent/outbox.h"
#include "agent/sources.h"

namespace mw::agent {

class Agent {
 public:
  struct Options {
    std::string node;
    std::size_t queue_room = 1'000;
    std::filesystem::path root = "/";
    std::vector<std::unique_ptr<Source>> sources;
  };
  Agent(Options options, AgentState state);

  /// The clocks of one moment: since 1970, and since the boot, by which the kernel's log counts.
  struct Moment {
    Instant now;
    Instant since_boot;
  };

  /// Everything until the next call is one round (Outbox::begin_round).
  void begin_round() { outbox_.begin_round(); }
  void note_line(const KernelLine& line, Moment moment);
  /// Looks at every source.
  void look(Moment moment);
  void note_date(std::string_view http_date, Instant sent, Moment received);

  /// What became of the oldest `count` reports.
  void acknowledge(std::size_t count);

  [[nodiscard]] AgentState& state() { return *state_; }
  [[nodiscard]] const Outbox& outbox() const { return outbox_; }
  /// True when there is something to save that was not there before; asking makes it false.
  bool take_changed();

 private:
  void note(Sighting sighting, Moment moment);
  void note_condition(Sighting sighting, Moment moment, bool told_already);
  [[nodiscard]] bool seen_in_log(const Sighting& sighting, Moment moment) const;

  Options options_;
  std::unique_ptr<AgentState> state_;  ///< has an address that stays, for the outbox
  Folder root_;
  Outbox outbox_;
  AgentState saved_;  ///< as at the last take_changed()
  /// By code and place: when the log last told of it, since the boot.
  std::map<std::string, Instant> logged_;
  /// Conditions that hold, by their place: when that was told last.
  std::map<std::string, Instant> told_;
};

}  // namespace mw::agent
