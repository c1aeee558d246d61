#include "slurm_face/hub.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "cli/home.h"
#include "cli/json_view.h"
#include "slurm_face/processes.h"
#include "slurm_face/seat.h"
#include "slurm_face/spool.h"
#include "slurm_face/submit.h"
#include "slurm_face/values.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace mw::face {
namespace {

constexpr std::int64_t kSeatsEndMs = 5'000;  // that seats have to end after they were told to
constexpr std::int64_t kSoonMs = 20;         // for what no poll tells of
constexpr std::int64_t kAttachMs = 60'000;  // that salloc has to come: it looks many times a second

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::uint64_t number_from(const char* name) {
  const std::string text = read_environment(name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string user_name() {
  const passwd* const user = ::getpwuid(::geteuid());
  return user == nullptr ? std::to_string(::geteuid()) : std::string(user->pw_name);
}

void complain(const std::string& what) {
  const std::string line = fmt::format("slurmstepd: error: {}\n", what);
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

/// Set for the rank of ours that starts a script, and wrong for what the script starts. Where Slurm
/// is the engine, it has said of its own job what we say of ours.
bool is_of_rank(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "RANK",      "WORLD_SIZE",       "LOCAL_RANK", "LOCAL_WORLD_SIZE",          "GROUP_RANK",
      "NODE_RANK", "GROUP_WORLD_SIZE", "NNODES",     "TORCHELASTIC_RESTART_COUNT"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("OMPI_COMM_WORLD_") ||
         name.starts_with("PMI_") || (name.starts_with("SLURM") && name != "SLURM_CONF");
}

JobFacts facts_from_environment(const FaceJob& job, const std::string& folder) {
  JobFacts facts;
  facts.job = number_from("MILLWRIGHT_JOB_ID");
  facts.attempt = static_cast<std::uint32_t>(number_from("MILLWRIGHT_ATTEMPT"));
  facts.user = user_name();
  facts.hub = folder;
  if (!job.array.empty()) {
    facts.array_index = static_cast<std::uint32_t>(number_from("MILLWRIGHT_ARRAY_INDEX"));
    facts.array_job = facts.job - facts.array_index;
    if (const auto array = parse_array(job.array)) facts.array_elements = array->elements;
  }
  return facts;
}

class Hub {
 public:
  Hub(const FaceJob& job, JobFacts facts, int signals, PacketListener listener, pid_t own_seat)
      : job_(job),
        facts_(std::move(facts)),
        signals_(signals),
        listener_(std::move(listener)),
        own_seat_(own_seat),
        steps_(job_, facts_, seats_, clients_) {}

  /// How the job ended, as waitpid would say it.
  int serve() {
    while (!over_) wait_and_take();
    for (auto& [rank, seat] : seats_) seat.post({{"op", "end"}});
    const std::int64_t until = now_ms() + kSeatsEndMs;
    while (!seats_.empty() && now_ms() < until) {
      std::vector<pollfd> waits;
      for (const auto& [rank, seat] : seats_) waits.push_back({seat.get(), seat.events(), 0});
      if (::poll(waits.data(), waits.size(), static_cast<int>(until - now_ms())) <= 0) break;
      for (auto& [rank, seat] : seats_) seat.flush();
      std::erase_if(seats_, [](const auto& one) {
        pollfd wait{one.second.get(), POLLIN, 0};
        return ::poll(&wait, 1, 0) > 0 && !one.second.receive();
      });
    }
    return status_;
  }

 private:
  void wait_and_take() {
    // Nobody can be let in while there is no descriptor for him: a poll would not wait then.
    std::vector<pollfd> waits = {{std::exchange(is_full_, false) ? -1 : listener_.get(), POLLIN, 0},
                                 {signals_, POLLIN, 0}};
    bool looks_soon = waits[0].fd < 0;
    std::vector<std::uint32_t> ranks;
    for (const auto& [rank, seat] : seats_) {
      ranks.push_back(rank);
      waits.push_back({seat.get(), seat.events(), 0});
      looks_soon = looks_soon || seat.is_crowded();
    }
    std::vector<int> clients;
    for (const auto& [fd, client] : clients_) {
      clients.push_back(fd);
      waits.push_back({fd, client.events(), 0});
      looks_soon = looks_soon || client.is_crowded();
    }
    std::int64_t wait = steps_.tick(now_ms());
    if (warn_at_ms_ > 0) {
      const std::int64_t left = std::max<std::int64_t>(0, warn_at_ms_ - now_ms());
      wait = wait < 0 ? left : std::min(wait, left);
    }
    if (looks_soon) wait = wait < 0 ? kSoonMs : std::min(wait, kSoonMs);
    if (attach_until_ms_ > 0) {
      const std::int64_t left = std::max<std::int64_t>(0, attach_until_ms_ - now_ms());
      wait = wait < 0 ? left : std::min(wait, left);
    }
    if (::poll(waits.data(), waits.size(), static_cast<int>(std::min<std::int64_t>(wait, 60'000))) <
            0 &&
        errno != EINTR) {
      return finish(1 << 8);
    }
    warn_if_due();
    if (attach_until_ms_ > 0 && now_ms() >= attach_until_ms_) {
      complain("no salloc has come for the allocation, so it is given back");
      return finish(0);
    }
    take_signals();
    if (waits[0].revents != 0) take_connection();
    // Who is gone is seen by what he does not say any more.
    for (auto& [rank, seat] : seats_) seat.flush();
    for (auto& [fd, client] : clients_) client.flush();
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if ((waits[2 + i].revents & ~POLLOUT) != 0) take_from_seat(ranks[i]);
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if ((waits[2 + ranks.size() + i].revents & ~POLLOUT) != 0) take_from_client(clients[i]);
    }
  }

  void finish(int status) {
    status_ = status;
    over_ = true;
  }

  void take_signals() {
    while (const int signal = next_signal(signals_)) {
      if (signal != SIGCHLD) {
        // Steps hear of it by their own seats; what only we started hears of it here.
        if (script_ > 0) signal_program(script_, signal);
        if (job_.kind == FaceKind::kAllocation) finish(128 + signal);
        continue;
      }
      int status = 0;
      for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == script_) finish(status);
        if (pid == own_seat_ && !over_) {
          complain("the process that starts tasks has ended");
          finish(status == 0 ? 1 << 8 : status);
        }
      }
    }
  }

  void warn_if_due() {
    if (warn_at_ms_ == 0 || now_ms() < warn_at_ms_) return;
    warn_at_ms_ = 0;
    if (job_.signal_to_script) {
      if (script_ > 0) ::kill(script_, job_.signal);
    } else {
      steps_.signal_all(job_.signal);
    }
  }

  /// What scancel sends. To the script alone it does not reach what that has started; to all, it
  /// does.
  void signal_job(int signal, bool script, bool steps) {
    if (script && script_ > 0 && steps) signal_program(script_, signal);
    if (script && script_ > 0 && !steps) ::kill(script_, signal);
    if (steps) steps_.signal_all(signal);
  }

  void take_connection() {
    PacketSocket socket = listener_.accept();
    is_full_ = !socket.valid() && (errno == EMFILE || errno == ENFILE);
    if (!socket.valid()) return;
    const int fd = socket.get();
    clients_.emplace(fd, std::move(socket));
  }

  void take_from_seat(std::uint32_t rank) {
    const auto packet = seats_.at(rank).receive();
    if (!packet) {
      seats_.erase(rank);
      if (!over_) {
        complain(fmt::format("rank {} of the job is gone", rank));
        finish(1 << 8);
      }
      return;
    }
    const JsonView body(packet->body);
    if (body["op"].text() != "exited") return;
    steps_.task_ended(static_cast<std::uint32_t>(body["step"].integer()),
                      static_cast<std::uint32_t>(body["task"].integer()),
                      static_cast<int>(body["status"].integer()), now_ms());
  }

  void take_from_client(int fd) {
    auto packet = clients_.at(fd).receive();
    if (!packet) {
      steps_.client_gone(fd);
      clients_.erase(fd);
      // salloc has ended without a word: what it held goes back.
      if (fd == owner_) finish(0);
      return;
    }
    const JsonView body(packet->body);
    const std::string op = body["op"].text();
    if (op == "hello") return take_seat(fd, body);
    if (op == "step") return steps_.ask(clients_.at(fd), std::move(*packet));
    if (op == "signal") {
      return steps_.signal_of_client(fd, static_cast<int>(body["signal"].integer()));
    }
    if (op == "signal_job") {
      signal_job(static_cast<int>(body["signal"].integer()), body["script"].flag(),
                 body["steps"].flag());
      clients_.at(fd).post({{"op", "done"}});
    }
    if (op == "attach" && job_.kind == FaceKind::kAllocation) {
      owner_ = fd;
      attach_until_ms_ = 0;
      if (started_) tell_owner();
    }
    if (op == "finish" && fd == owner_) finish(0);
  }

  void take_seat(int fd, const JsonView& body) {
    const auto rank = static_cast<std::uint32_t>(body["rank"].integer());
    if (rank >= job_.seats || seats_.contains(rank)) {
      clients_.erase(fd);
      return;
    }
    seats_.emplace(rank, std::move(clients_.at(fd)));
    clients_.erase(fd);
    hellos_[rank] = {body["node"].text(), split_commas(body["devices"].text()),
                     split_commas(body["visible"].text())};
    if (seats_.size() == job_.seats) start();
  }

  void gather_nodes() {
    for (const auto& [rank, hello] : hellos_) {
      auto found = std::ranges::find(facts_.nodes, hello.node, &JobNode::name);
      if (found == facts_.nodes.end()) {
        facts_.nodes.emplace_back().name = hello.node;
        found = facts_.nodes.end() - 1;
      }
      found->seats.push_back(rank);
      found->cpus += job_.seat_cpus;
      // Where cores are the accelerators there are no GPUs to hand on.
      for (std::size_t i = 0; job_.gpus > 0 && i < hello.devices.size(); ++i) {
        found->devices.push_back(
            {hello.devices[i], i < hello.visible.size() ? hello.visible[i] : std::string()});
      }
    }
    for (JobNode& node : facts_.nodes) {
      node.cpus_free = node.cpus;
      node.device_taken.assign(node.devices.size(), false);
    }
  }

  void start() {
    started_ = true;
    gather_nodes();
    if (const auto failure = link_commands(facts_.hub)) complain(*failure);
    if (job_.signal != 0 && job_.time_limit.count() > 0) {
      const Duration until = job_.time_limit - job_.signal_before;
      warn_at_ms_ = now_ms() + std::max<std::int64_t>(1, until.count() / milliseconds(1).count());
    }
    if (job_.kind == FaceKind::kAllocation) {
      if (owner_ >= 0) {
        tell_owner();
      } else {
        attach_until_ms_ = now_ms() + kAttachMs;
      }
      return;
    }
    if (const auto failure = start_script()) {
      complain(*failure);
      finish(1 << 8);
    }
  }

  void tell_owner() {
    const auto all = assignments_of(job_variables(job_, facts_));
    const auto owner = clients_.find(owner_);
    if (owner == clients_.end()) return;
    owner->second.post(
        {{"op", "ready"}, {"environment", boost::json::array(all.begin(), all.end())}});
  }

  /// What went wrong; nothing: it runs.
  std::optional<std::string> start_script() {
    const auto environment = script_environment();
    if (!environment) return environment.error().message;
    ProgramStart start{.command = {}, .environment = *environment, .folder = {}};
    if (job_.kind == FaceKind::kRun) {
      const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
      start.command = {self, "slurm", "srun"};
    } else {
      start.command = {script_path(job_.spool)};
    }
    const auto arguments = read_spooled_arguments(job_.spool);
    start.command.insert(start.command.end(), arguments.begin(), arguments.end());
    std::array<OpenFile, 3> files;
    if (job_.kind == FaceKind::kBatch) {
      if (auto failure = open_files(files)) return failure;
      start.in = files[0].get();
      start.out = files[1].get();
      start.err = files[2].valid() ? files[2].get() : files[1].get();
    }
    const auto pid = start_program(start);
    if (!pid) return pid.error().message;
    script_ = *pid;
    return {};
  }

  std::optional<std::string> open_files(std::array<OpenFile, 3>& files) const {
    const FileNameFacts names = file_name_facts(job_, facts_);
    if (!job_.input.empty()) {
      const std::string input = expand_file_name(job_.input, names);
      files[0] = OpenFile(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
      if (!files[0].valid()) {
        return fmt::format("could not open input file {}: {}", input, std::strerror(errno));
      }
    }
    for (const auto& [pattern, index] : {std::pair(&job_.output, 1U), {&job_.error, 2U}}) {
      if (pattern->empty()) continue;
      const auto opened = open_output(expand_file_name(*pattern, names), !job_.append);
      if (!opened) return opened.error().message;
      files[index] = OpenFile(*opened);
    }
    return {};
  }

  Result<std::vector<std::string>> script_environment() const {
    Variables all;
    for (char** one = environ; one != nullptr && *one != nullptr; ++one) put_all(all, {*one});
    const Variables own = all;
    std::erase_if(all, [](const auto& one) { return is_of_rank(one.first); });
    all["OMP_NUM_THREADS"] = std::to_string(std::max(1U, job_.cpus_per_task));
    const auto given = read_spooled_environment(job_.spool);
    if (!given) return given.error();
    put_all(all, *given);
    // What the engine says of this attempt goes before what the submitter's shell said of others.
    for (const auto& [name, value] : own) {
      const bool is_devices = name.ends_with("_VISIBLE_DEVICES") || name == "CUDA_DEVICE_ORDER";
      if (name.starts_with("MILLWRIGHT_") || name.starts_with("MASTER_") || is_devices) {
        all[name] = value;
      }
    }
    for (const auto& [name, value] : job_variables(job_, facts_)) all[name] = value;
    all["PATH"] = with_commands(facts_.hub, all["PATH"]);
    return assignments_of(all);
  }

  struct Hello {
    std::string node;
    std::vector<std::string> devices;
    std::vector<std::string> visible;
  };

  const FaceJob& job_;
  JobFacts facts_;
  int signals_;  ///< descriptor that tells of them
  PacketListener listener_;
  pid_t own_seat_;
  std::map<std::uint32_t, PacketSocket> seats_;
  std::map<std::uint32_t, Hello> hellos_;
  std::map<int, PacketSocket> clients_;
  Steps steps_;
  pid_t script_ = 0;
  int owner_ = -1;  ///< salloc's socket
  bool started_ = false;
  bool is_full_ = false;  ///< no descriptor is left
  std::int64_t warn_at_ms_ = 0;
  std::int64_t attach_until_ms_ = 0;  ///< of an allocation that nobody uses yet; 0: no matter
  bool over_ = false;
  int status_ = 0;
};

}  // namespace

int run_host(const std::string& face_job) {
  const auto job = read_face_job(face_job);
  const std::uint64_t id = number_from("MILLWRIGHT_JOB_ID");
  if (!job || id == 0) {
    complain("\"mw slurm host\" is started by Millwright for jobs of sbatch, srun and salloc");
    return 2;
  }
  const std::uint64_t attempt = number_from("MILLWRIGHT_ATTEMPT");
  if (attempt > 1 && !job->requeue) {
    complain("it was submitted with --no-requeue, so it is not run a second time");
    return 1;
  }
  const std::string folder = fmt::format("{}/run/{}.{}", job->spool, id, attempt);
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    complain(fmt::format("cannot make {}: {}", folder, failure.message()));
    return 1;
  }
  if (job->kind == FaceKind::kAllocation && attempt > 1) {
    complain("the allocation was lost with its first attempt, and salloc with it");
    return 1;
  }
  take_spooled_umask(job->spool);
  raise_descriptor_limit();
  const auto rank = static_cast<std::uint32_t>(number_from("MILLWRIGHT_RANK"));
  if (rank > 0) return run_seat(folder, rank);
  // The first rank is hub and seat; the seat is a process of its own, made before there are others.
  const pid_t seat = ::fork();
  if (seat == 0) ::_exit(run_seat(folder, 0));
  auto listener = PacketListener::listen(folder, kHubSocket);
  if (!listener) {
    complain(listener.error().message);
    return 1;
  }
  const int signals = signal_descriptor({SIGCHLD, SIGTERM, SIGINT, SIGHUP});
  Hub hub(*job, facts_from_environment(*job, folder), signals, std::move(*listener), seat);
  const int status = hub.serve();
  note_end(job->spool, id, status);
  std::filesystem::remove_all(folder, failure);
  end_as(status);
}

}  // namespace mw::face
