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

constexpr std::size_t kLabelledBytesMax = std::size_t{1} << 20;  // kept for a slow reader

/// Puts "TASK: " before each line of what a task writes. Never waits for who reads it: the file
/// belongs to srun and to whatever it stands in, so it stays as it blocks, and is asked before.
struct Labeller {
  OpenFile from;
  int to = -1;
  std::string label;
  std::string pending;  ///< a line that is not complete
  std::string ready;    ///< lines on their way out
  bool ended = false;   ///< nothing comes any more
  int last_parts = 16;  ///< to read after the task's end: as much as a pipe holds at most, 1 MiB

  [[nodiscard]] bool wants_more() const { return !ended && ready.size() < kLabelledBytesMax; }
  [[nodiscard]] bool is_done() const { return ended && ready.empty(); }

  /// False when there is nothing now.
  bool take() {
    std::array<char, 65'536> part{};
    const ssize_t got = ::read(from.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) return true;
    if (got < 0 && errno == EAGAIN) return false;
    if (got > 0) pending.append(part.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos;) {
      ready.append(label).append(pending, begin, end + 1 - begin);
      begin = end + 1;
    }
    pending.erase(0, begin);
    if (got <= 0) close();
    return got > 0;
  }

  /// What is there once the task has ended, and not for ever: others may write on.
  void take_last() {
    while (wants_more()) {
      if (last_parts-- == 0 || !take()) return close();
    }
  }

  /// No more is read.
  void close() {
    if (!pending.empty()) ready += label + std::exchange(pending, "") + "\n";
    ended = true;
  }

  void give() {
    constexpr std::size_t kPart = 4'096;  // PIPE_BUF: a pipe that takes anything takes so much
    while (!ready.empty()) {
      pollfd wait{to, POLLOUT, 0};
      if (::poll(&wait, 1, 0) <= 0) return;
      const ssize_t written = ::write(to, ready.data(), std::min(ready.size(), kPart));
      if (written > 0) {
        ready.erase(0, static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        return;
      } else if (errno != EINTR) {
        ready.clear();  // nobody reads it any more
      }
    }
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
      for (const auto& [pid, task] : tasks_) {
        for (const Labeller& one : task.labellers) {
          if (one.wants_more()) waits.push_back({one.from.get(), POLLIN, 0});
          if (!one.ready.empty()) waits.push_back({one.to, POLLOUT, 0});
        }
      }
      if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) break;
      for (auto& [pid, task] : tasks_) {
        for (Labeller& one : task.labellers) {
          if (one.wants_more()) one.take();
          one.give();
        }
        std::erase_if(task.labellers, [](const Labeller& one) { return one.is_done(); });
      }
      take_signals();
      if (waits[0].revents != 0) take_packet();
      report_ended();
    }
    for (const auto& [pid, task] : tasks_) signal_program(pid, SIGKILL);
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
      for (const auto& [pid, task] : tasks_) signal_program(pid, signal);
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
        one.take_last();
        one.give();
      }
      std::erase_if(task.labellers, [](const Labeller& one) { return one.is_done(); });
      if (!task.labellers.empty()) {
        ++it;
        continue;
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
    if (op == "launch") launch_all(*packet);
    if (op == "signal") {
      for (const auto& [pid, task] : tasks_) {
        if (static_cast<std::int64_t>(task.step) == body["step"].integer(-1)) {
          signal_program(pid, static_cast<int>(body["signal"].integer()));
        }
      }
    }
  }

  void refuse(std::uint64_t step, std::uint64_t task, int err, const std::string& why) {
    const std::string line = fmt::format("slurmstepd: error: {}\n", why);
    [[maybe_unused]] const ssize_t written = ::write(err, line.data(), line.size());
    hub_.send({{"op", "exited"}, {"step", step}, {"task", task}, {"status", 1 << 8}});
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
  static bool redirect(const JsonView& body, std::string_view key, bool writes, OpenFile& file) {
    const std::string name = body[key].text();
    if (name.empty()) return true;
    int fd = -1;
    if (writes) {
      const auto opened = open_output(name, false);  // the hub has emptied it
      if (opened) fd = *opened;
    } else {
      fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) return false;
    file = OpenFile(fd);
    return true;
  }

  /// Files: the order, srun's three, one for the input of other tasks than the first, and the list
  /// of tasks.
  void launch_all(const Packet& packet) {
    if (packet.files.size() < 6) return;
    const auto tree_of = [](const OpenFile& file) {
      constexpr std::size_t kOrderBytesMax = std::size_t{1} << 28;  // thousands of tasks
      return parse_json(text_of(file).value_or(""),
                        {.bytes_max = kOrderBytesMax, .any_bytes = true});
    };
    const auto list = tree_of(packet.files[5]);
    const auto tree = tree_of(packet.files[0]);
    auto order = tree ? from_json<StepRequest>(*tree) : Result<StepRequest>(tree.error());
    if (!list) return;
    const auto step = static_cast<std::uint64_t>(JsonView(packet.body)["step"].integer());
    for (const auto& one : JsonView(*list).list()) {
      const JsonView body(one);
      const auto task = static_cast<std::uint64_t>(body["task"].integer());
      if (!order) {
        refuse(step, task, packet.files[3].get(), order.error().message);
        continue;
      }
      std::vector<OpenFile> files;
      // Standard input goes to the first task: one that is shared would be torn apart.
      for (const std::size_t index :
           {std::size_t{task == 0 ? 1U : 4U}, std::size_t{2}, std::size_t{3}}) {
        files.emplace_back(::fcntl(packet.files[index].get(), F_DUPFD_CLOEXEC, 3));
      }
      launch(*order, body, step, task, std::move(files));
    }
  }

  void launch(const StepRequest& order, const JsonView& body, std::uint64_t step,
              std::uint64_t number, std::vector<OpenFile> files) {
    const auto refuse_it = [&](const std::string& why) {
      refuse(step, number, files[2].valid() ? files[2].get() : STDERR_FILENO, why);
    };
    for (const auto& [key, index] : {std::pair{"input", 0U}, {"output", 1U}, {"error", 2U}}) {
      if (!redirect(body, key, index > 0, files[index])) {
        return refuse_it(
            fmt::format("could not open {}: {}", body[key].text(), std::strerror(errno)));
      }
    }
    Task task;
    task.step = step;
    task.task = number;
    ProgramStart start{.command = order.command,
                       .environment = assignments_of(environment_of(order, body)),
                       .folder = order.folder,
                       .in = files[0].get(),
                       .out = files[1].get(),
                       .err = files[2].get(),
                       .umask = static_cast<int>(order.umask)};
    std::array<OpenFile, 2> ends;
    if (order.label) {
      for (const unsigned index : {0U, 1U}) {
        std::array<int, 2> pipe{};
        if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return refuse_it("no pipe is left");
        ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
        Labeller& labeller = task.labellers.emplace_back();
        labeller.from = OpenFile(pipe[0]);
        labeller.to = index == 0 ? start.out : start.err;
        labeller.label = fmt::format("{}: ", task.task);
        ends[index] = OpenFile(pipe[1]);
      }
      start.out = ends[0].get();
      start.err = ends[1].get();
    }
    const auto pid = start_program(start);
    if (!pid) return refuse_it(pid.error().message);
    if (order.label) task.files = std::move(files);
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
