// Waits for the kernel's log, looks at the sources every so often, sends what is queued, and saves
// the state before and after: one thread, one poll(2). How to send is handed in, so that this knows
// no HTTP.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "agent/kernel_log.h"
#include "agent/state_file.h"
#include "base/result.h"

namespace mw::agent {

/// What the control plane answered to a request.
struct SendAnswer {
  std::string date{};  ///< its Date header, if it has one
  struct Refused {
    std::size_t index = 0;
    ErrorCode code = ErrorCode::kInternal;
    std::string message{};
  };
  std::vector<Refused> refused{};  ///< single reports; the others were taken
};

struct AgentPorts {
  /// POST /v1/faults with this body; an error when nothing was taken.
  std::function<Result<SendAnswer>(const std::string& body)> send;
  /// Any request at all, for its date.
  std::function<Result<SendAnswer>()> ask_date;
  /// A line for people, without its end.
  std::function<void(const std::string&)> say;
};

class AgentLoop {
 public:
  struct Options {
    Duration look_every = seconds(15);
    Duration retry_most = seconds(60);  ///< between two tries while the control plane is away
  };
  /// `file`: null where nothing is to be saved.
  AgentLoop(Options options, Agent& agent, KernelLog* log, const StateFile* file, AgentPorts ports);

  /// Reads the log and looks at everything once. Errors: as StateFile::save.
  Result<void> see();
  /// Sends all there is, in order. Errors: the first failure; what is left stays queued.
  Result<void> send_all();
  /// Until `stop_descriptor` is readable. Errors: when the state cannot be saved.
  Result<void> run(int stop_descriptor);

  /// What to do about the answer to the oldest `count`: how many are done with, and whether the
  /// rest is to wait.
  struct Verdict {
    std::size_t done = 0;
    bool wait = false;
    std::string why{};
  };

 private:
  Result<void> save();
  Result<void> read_log();
  Result<void> send_some();
  Verdict judge(std::size_t count, const SendAnswer& answer);
  void say_once(std::string& last, const std::string& text);

  Options options_;
  Agent& agent_;
  KernelLog* log_;
  const StateFile* file_;
  AgentPorts ports_;
  std::string log_trouble_;
  std::string send_trouble_;
  std::uint64_t dropped_said_ = 0;
  std::uint64_t lost_said_ = 0;
  std::size_t at_once_ = kSendMost;
};

/// The clocks of now.
Agent::Moment moment_now();

}  // namespace mw::agent
