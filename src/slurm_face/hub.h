// The hub of a running job that came in by Slurm's face: with rank 0, it gathers the job's seats,
// runs the script (or waits for salloc to be done), and starts the steps that srun asks for.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "slurm_face/face_job.h"
#include "slurm_face/packets.h"
#include "slurm_face/slurm_environment.h"

namespace mw::face {

/// A step that runs, or waits for room.
struct Step {
  StepRequest request;
  std::uint32_t number = 0;
  int client = -1;              ///< srun's socket; -1: it is gone
  std::vector<OpenFile> files;  ///< order, input, output, error
  StepPlan plan;
  bool running = false;
  std::vector<bool> ended;  ///< by task
  std::uint32_t left = 0;
  int exit_code = 0;  ///< the highest
  bool killed = false;
  std::int64_t kill_at_ms = 0;  ///< others are ended then, on the hub's clock; 0: never
};

/// How the steps of a job live. Knows seats by rank and how to reach them, and no processes.
class Steps {
 public:
  /// `seats`: by rank.  `clients`: srun's, by their sockets.
  Steps(const FaceJob& job, JobFacts& facts, std::map<std::uint32_t, PacketSocket>& seats,
        std::map<int, PacketSocket>& clients)
      : job_(job), facts_(facts), seats_(seats), clients_(clients) {}

  /// A request of srun, with its files. What could not start of it ends in the next tick().
  void ask(PacketSocket& client, Packet packet);
  /// srun of that socket is gone: so is its step.
  void client_gone(int client);
  void signal_of_client(int client, int signal);
  void signal_all(int signal);
  /// A seat says that a task has ended.
  void task_ended(std::uint32_t number, std::uint32_t task, int status, std::int64_t now_ms);
  /// Does what is due.  Result: ms until the next time; -1: nothing to come.
  std::int64_t tick(std::int64_t now_ms);

 private:
  void try_start(Step& step);
  void launch(Step& step);
  /// Opens a file that no task has to itself, into step.files[index], and clears the pattern.
  void share_output(Step& step, const FileNameFacts& facts, std::string& pattern,
                    std::size_t index) const;
  /// Empties the files that only some tasks write to, once each.
  void empty_outputs(const Step& step, const FileNameFacts& facts, const std::string& output,
                     const std::string& error) const;
  [[nodiscard]] FileNameFacts task_file_names(const Step& step, FileNameFacts facts,
                                              std::uint32_t task) const;
  void finish(std::size_t index);
  void send_signal(const Step& step, int signal);
  void tell(const Step& step, const boost::json::object& body) const;

  const FaceJob& job_;
  JobFacts& facts_;
  std::map<std::uint32_t, PacketSocket>& seats_;
  std::map<int, PacketSocket>& clients_;
  std::vector<Step> steps_;
  std::uint32_t next_number_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> unsent_;  ///< step and task: cannot start
};

/// The command `mw slurm host JSON`: a rank of the job, as its environment says. The exit code.
int run_host(const std::string& face_job);

}  // namespace mw::face
