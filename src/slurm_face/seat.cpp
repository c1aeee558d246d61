#include "slurm_face/seat.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include "cli/json_view.h"
#include "codec/json.h"
#include "slurm_face/packets.h"
#include "slurm_face/processes.h"
#include "slurm_face/slurm_environment.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace mw::face {
namespace {

constexpr auto kHubWait = std::chrono::seconds(60);  // ranks of a gang start within seconds
constexpr auto kHubEvery = std::chrono::milliseconds(10);

/// Variables of ours that hold for this rank, whatever srun's own environment says.
bool is_own(std::string_view name) {
  return name.starts_with("MILLWRIGHT_") || name == "CUDA_DEVICE_ORDER";
}

/// Puts "TASK: " before each line of what a task writes.
struct Labeller {
  OpenFile from;
  int to = -1;
  std::string label;
  std::string pending;

  /// False at the end.
  bool pump() {
    std::array<char, 65'536> part{};
    const ssize_t got = ::read(from.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) return true;
    if (got > 0) pending.append(part.data(), static_cast<std::size_t>(got));
    std::string lines;
    for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      lines += label + pending.substr(0, end + 1);
      pending.erase(0, end + 1);
    }
    if (got <= 0 && !pending.empty()) lines += label + pending + "\n";
    for (std::string_view rest = lines; !rest.empty();) {
      const ssize_t written = ::write(to, rest.data(), rest.size());
      if (written < 0 && errno != EINTR) break;
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return got > 0;
  }
};

struct Task {
  std::uint64_t step = 0;
  std::uint64_t task = 0;
  std::vector<OpenFile> files;  ///< kept while a labeller writes to them
  std::vector<Labeller> labellers;
  bool ended = false;
  int status = 0;
};

class Seat {
 public:
  Seat(PacketSocket hub, std::uint32_t rank) : hub_(std::move(hub)), rank_(rank) {
    for (char** one = environ; one != nullptr && *one != nullptr; ++one) put_all(own_, {*one});
  }

  int serve() {
    signals_ = signal_descriptor({SIGCHLD, SIGTERM, SIGINT, SIGHUP});
    hub_.send(hello());
    while (!over_) {
      std::vector<pollfd> waits = {{hub_.get(), POLLIN, 0}, {signals_, POLLIN, 0}};
      std::vector<std::pair<pid_t, std::size_t>> pipes;
      for (const auto& [pid, task] : tasks_) {
        for (std::size_t i = 0; i < task.labellers.size(); ++i) {
          pipes.emplace_back(pid, i);
          waits.push_back({task.labellers[i].from.get(), POLLIN, 0});
        }
      }
      if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) break;
      // From behind: what ends is taken out.
      for (std::size_t i = pipes.size(); i-- > 0;) {
        if (waits[i + 2].revents == 0) continue;
        auto& labellers = tasks_.at(pipes[i].first).labellers;
        if (!labellers[pipes[i].second].pump()) {
          labellers.erase(labellers.begin() + static_cast<std::ptrdiff_t>(pipes[i].second));
        }
      }
      take_signals();
      if (waits[0].revents != 0) take_packet();
      report_ended();
    }
    for (const auto& [pid, task] : tasks_) ::kill(-pid, SIGKILL);
    return 0;
  }

 private:
  boost::json::object hello() const {
    const auto value = [this](const char* name) {
      const auto found = own_.find(name);
      return found == own_.end() ? std::string() : found->second;
    };
    const std::string visible = own_.contains("CUDA_VISIBLE_DEVICES")
                                    ? value("CUDA_VISIBLE_DEVICES")
                                    : value("ROCR_VISIBLE_DEVICES");
    return {{"op", "hello"},
            {"rank", rank_},
            {"node", value("MILLWRIGHT_NODE")},
            {"devices", value("MILLWRIGHT_DEVICES")},
            {"visible", visible}};
  }

  void take_signals() {
    while (const int signal = next_signal(signals_)) {
      if (signal == SIGCHLD) {
        reap();
        continue;
      }
      for (const auto& [pid, task] : tasks_) ::kill(-pid, signal);
    }
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto found = tasks_.find(pid);
      if (found == tasks_.end()) continue;
      found->second.ended = true;
      found->second.status = status;
    }
  }

  /// A task has ended when it is reaped and all that it wrote has its labels.
  void report_ended() {
    for (auto it = tasks_.begin(); it != tasks_.end();) {
      Task& task = it->second;
      if (!task.ended) {
        ++it;
        continue;
      }
      // What it left behind may keep a pipe open for ever; what is in the pipe now is its own.
      for (Labeller& one : task.labellers) {
        ::fcntl(one.from.get(), F_SETFL, O_NONBLOCK);
        while (one.pump()) {}
      }
      hub_.send(
          {{"op", "exited"}, {"step", task.step}, {"task", task.task}, {"status", task.status}});
      it = tasks_.erase(it);
    }
  }

  void take_packet() {
    auto packet = hub_.receive();
    if (!packet) {
      over_ = true;
      return;
    }
    const JsonView body(packet->body);
    const std::string op = body["op"].text();
    if (op == "end") over_ = true;
    if (op == "launch") launch(*packet);
    if (op == "signal") {
      for (const auto& [pid, task] : tasks_) {
        if (static_cast<std::int64_t>(task.step) == body["step"].integer(-1)) {
          ::kill(-pid, static_cast<int>(body["signal"].integer()));
        }
      }
    }
  }

  void refuse(const JsonView& body, int err, const std::string& why) {
    const std::string line = fmt::format("slurmstepd: error: {}\n", why);
    [[maybe_unused]] const ssize_t written = ::write(err, line.data(), line.size());
    hub_.send({{"op", "exited"},
               {"step", body["step"].integer()},
               {"task", body["task"].integer()},
               {"status", 1 << 8}});
  }

  Variables environment_of(const StepRequest& order, const JsonView& body) const {
    Variables all;
    put_all(all, order.environment);
    for (const auto& [name, value] : own_) {
      if (is_own(name)) all[name] = value;
    }
    for (const auto& one : body["own"].list()) put_all(all, {JsonView(one).text()});
    const std::string visible = std::exchange(all["MILLWRIGHT_VISIBLE"], "");
    all.erase("MILLWRIGHT_VISIBLE");
    for (const char* name : {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}) {
      if (!own_.contains(name)) continue;
      all[name] = visible;
    }
    if (own_.contains("HIP_VISIBLE_DEVICES")) {
      // HIP counts among what ROCR lets through.
      std::string among;
      const auto count = visible.empty() ? 0 : 1 + std::ranges::count(visible, ',');
      for (std::int64_t i = 0; i < count; ++i) among += (i == 0 ? "" : ",") + std::to_string(i);
      all["HIP_VISIBLE_DEVICES"] = among;
    }
    return all;
  }

  /// Opens a file of the task's own, if it has one, in place of srun's.
  bool redirect(const JsonView& body, std::string_view key, bool writes, bool append,
                OpenFile& file) {
    const std::string name = body[key].text();
    if (name.empty()) return true;
    int fd = -1;
    if (writes) {
      const auto opened = open_output(name, !append);
      if (opened) fd = *opened;
    } else {
      fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) return false;
    file = OpenFile(fd);
    return true;
  }

  void launch(Packet& packet) {
    const JsonView body(packet.body);
    if (packet.files.size() < 4) return refuse(body, STDERR_FILENO, "the order lacks its files");
    const auto text = text_of(packet.files[0]);
    const auto tree = parse_json(text.value_or(""), {.bytes_max = 1U << 24U, .any_bytes = true});
    auto order = tree ? from_json<StepRequest>(*tree) : Result<StepRequest>(tree.error());
    if (!order) return refuse(body, packet.files[3].get(), order.error().message);
    for (const auto& [key, index] : {std::pair{"input", 1U}, {"output", 2U}, {"error", 3U}}) {
      if (!redirect(body, key, index > 1, order->append, packet.files[index])) {
        return refuse(body, packet.files[3].get(),
                      fmt::format("could not open {}: {}", body[key].text(), std::strerror(errno)));
      }
    }
    Task task;
    task.step = static_cast<std::uint64_t>(body["step"].integer());
    task.task = static_cast<std::uint64_t>(body["task"].integer());
    ProgramStart start{.command = order->command,
                       .environment = assignments_of(environment_of(*order, body)),
                       .folder = order->folder,
                       .in = packet.files[1].get(),
                       .out = packet.files[2].get(),
                       .err = packet.files[3].get(),
                       .umask = static_cast<int>(order->umask)};
    std::array<OpenFile, 2> ends;
    if (order->label) {
      for (const unsigned index : {0U, 1U}) {
        std::array<int, 2> pipe{};
        if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return refuse(body, start.err, "no pipe is left");
        task.labellers.push_back({OpenFile(pipe[0]), index == 0 ? start.out : start.err,
                                  fmt::format("{}: ", task.task), ""});
        ends[index] = OpenFile(pipe[1]);
      }
      start.out = ends[0].get();
      start.err = ends[1].get();
    }
    const auto pid = start_program(start);
    if (!pid) return refuse(body, packet.files[3].get(), pid.error().message);
    task.files = std::move(packet.files);
    if (!order->label) task.files.clear();
    tasks_.emplace(*pid, std::move(task));
  }

  PacketSocket hub_;
  std::uint32_t rank_;
  Variables own_;
  int signals_ = -1;
  std::map<pid_t, Task> tasks_;
  bool over_ = false;
};

}  // namespace

int run_seat(const std::string& folder, std::uint32_t rank) {
  const auto until = std::chrono::steady_clock::now() + kHubWait;
  while (true) {
    auto hub = PacketSocket::connect(folder, kHubSocket);
    if (hub) return Seat(std::move(*hub), rank).serve();
    if (hub.error().code == ErrorCode::kForbidden || std::chrono::steady_clock::now() > until) {
      const std::string line = fmt::format(
          "mw: error: rank {} does not reach rank 0 of its job: {}. All ranks of a job with srun "
          "have "
          "to be on one machine.\n",
          rank, hub.error().message);
      [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
      return 1;
    }
    std::this_thread::sleep_for(kHubEvery);
  }
}

}  // namespace mw::face
