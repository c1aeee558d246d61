// What we ask of slurmrestd, one request at a time, by libcurl. A failure says whether anything may
// have come of it: that is what keeps a job from being started twice.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engines/slurm/identity.h"
#include "engines/slurm/node_states.h"
#include "engines/slurm/rest_format.h"
#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

/// "unix:/run/slurmrestd.sock", "http://host:6820", "https://host/slurm".
/// Errors: kInvalid, saying what is allowed.
Result<void> check_address(const std::string& address);

class SlurmClient {
 public:
  /// `stop`: once it is true, what is being asked is given up at once. Outlives this.
  SlurmClient(std::string address, Identity identity, const std::atomic<bool>& stop);
  ~SlurmClient();
  SlurmClient(const SlurmClient&) = delete;
  SlurmClient& operator=(const SlurmClient&) = delete;

  // Errors of all:
  //   kUnavailable  nothing was done: nobody listens, or slurmctld is away (lists only)
  //   kTimeout      what came of it is unknown
  //   kForbidden    as this user we may not
  //   kNotFound     Slurm has no such job
  //   kInvalid      Slurm refused it, and would again

  /// Finds the version to speak. Called before anything else, and again after an upgrade.
  Result<void> connect();
  /// What another client has found.
  void speak(RestVersion version) { version_ = version; }
  [[nodiscard]] const RestVersion& version() const { return version_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }

  /// By REST; by `sinfo --json` where slurmrestd takes too long for it: 22.05 does, of some
  /// thousands.  `expected`: about how many there are.
  Result<std::vector<SlurmNode>> nodes(std::size_t expected);
  /// By the command sinfo, which has to work for who we are.
  Result<std::vector<NodeStates>> node_states();
  Result<std::vector<SlurmPartition>> partitions();
  Result<std::vector<SlurmJob>> jobs();
  Result<SlurmJobId> submit(const SlurmSubmission& submission, const std::string& user);
  /// To all processes of the job.  `signal`: its name, as "SIGURG".
  Result<void> signal(SlurmJobId job, const std::string& signal, const std::string& user);
  /// Slurm ends it: SIGTERM, KillWait, SIGKILL.  `job`: also "12_3".
  Result<void> cancel(const std::string& job, const std::string& user);
  /// The one job, as its user sees it: also where lists hide it from us (PrivateData).
  Result<std::vector<SlurmJob>> job(SlurmJobId job, const std::string& user);

  /// What `scontrol show config` says: no version of the interface tells it.
  Result<std::string> configuration();

  // What only an operator of the cluster may.
  /// A job that waits and is held: pins it to nodes and lets it go, at once or not at all.
  /// REQUIRES: it waits. One that runs would be taken from the nodes that are not named.
  Result<void> release(const std::string& job, const SlurmRelease& release);
  /// One that waits may have any nodes again.
  Result<void> unpin(const std::string& job);
  /// It has its nodes by Slurm's own scheduler again.
  Result<void> let_go(const std::string& job);
  Result<void> hold(const std::string& job);
  /// Lets go what is pinned already.
  Result<void> unhold(const std::string& job);
  /// Takes it off its nodes and back into the queue, held.
  Result<void> requeue_hold(const std::string& job);
  /// What its people see as AdminComment.
  Result<void> note(const std::string& job, const std::string& text);
  Result<void> change(const NodeOrder& order);
  /// Once nothing runs there; until then, and afterwards, it stays drained if it is. By scontrol:
  /// no REST interface has it.
  Result<void> reboot(const std::string& node, const std::string& reason);

 private:
  class Transfer;
  struct Reply {
    long status = 0;
    std::string body;
  };
  Result<Reply> ask(const char* method, const std::string& path, const std::string* body,
                    const std::string& user);
  static Result<void> done(const Result<Reply>& reply);
  Result<std::string> get(const std::string& path, const std::string& user);
  Result<void> delete_job(const std::string& job, const std::string& query,
                          const std::string& user);
  /// Posts a change, as an operator.
  Result<void> change(const std::string& path, const std::string& body);
  Result<void> command(std::vector<std::string> arguments);
  Result<std::string> query(const std::vector<std::string>& arguments);

  std::string address_;
  Identity identity_;
  RestVersion version_;
  bool nodes_by_command_ = false;
  long timeout_ms_ = 0;  ///< 0: the usual
  const std::atomic<bool>& stop_;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace mw::slurm
