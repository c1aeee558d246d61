#include "serve.h"

#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <thread>

#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "codec/text.h"
#include "engines/hooks/hook_engine.h"
#include "engines/local/local_engine.h"
#include "engines/simulated/simulated_engine.h"
#include "engines/slurm/slurm_engine.h"
#include "http/auth.h"
#include "http/server.h"
#include "journal/sqlite/sqlite_journal.h"
#include "loop/control_loop.h"
#include "loop/system_clock.h"
#include "serve_lock.h"
#include "slurm_choice.h"

namespace mw {
namespace {

/// Blocks SIGTERM and SIGINT in all threads and waits for one of them, or for request().
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);  // a client that went away is an error code, not our end
    signal(SIGHUP, SIG_IGN);   // nor is a terminal that was closed
  }
  void request() { kill(getpid(), SIGTERM); }
  std::string wait() {
    int number = 0;
    sigwait(&signals_, &number);
    return number == SIGINT ? "SIGINT" : "SIGTERM or a request to stop";
  }

 private:
  sigset_t signals_{};
};

void set_up_log(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("mw");
  logger->set_pattern(R"({"at":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":"%v"})");
  // Text inside of the message may hold quotes; they are written as they are in JSON strings.
  spdlog::set_default_logger(logger);
  spdlog::set_level(spdlog::level::from_str(level));
  spdlog::flush_on(spdlog::level::info);
}

std::string user_name() {
  const passwd* entry = getpwuid(geteuid());
  return entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
}

/// `machine`: what the fields that were left out are; null: 128 and 1 TiB.
std::vector<NodeSpec> node_specs(const std::vector<DeclaredNode>& declared,
                                 const local::Machine* machine) {
  constexpr CpuShare kSimulatedCpus(128'000);
  constexpr Bytes kSimulatedMemory(std::int64_t{1} << 40);
  std::vector<NodeSpec> specs;
  for (const DeclaredNode& node : declared) {
    NodeSpec spec;
    spec.name = node.name;
    spec.site = "local";
    spec.accelerator_type = node.accelerator_type.empty() ? "cpu" : node.accelerator_type;
    spec.accelerators = node.accelerators;
    spec.cpus = node.cpus.value_or(machine ? machine->cpus : kSimulatedCpus);
    spec.memory = node.memory.value_or(machine ? machine->memory : kSimulatedMemory);
    specs.push_back(std::move(spec));
  }
  return specs;
}

int fail(const Error& error) {
  spdlog::critical("{}", error.message);
  fmt::print(stderr, "mw: error: {}\n", error.message);
  return row(error.code).exit_code;
}

/// Everything that a control plane consists of, in the order in which it is made.
class ControlPlane {
 public:
  ControlPlane(const ServeOptions& options, StopSignal& stop) : options_(options), stop_(stop) {}

  Result<void> start() {
    auto lock = ServeLock::take(options_.home);
    if (!lock) return lock.error();
    lock_.emplace(std::move(*lock));
    auto token = http::load_or_make_secret(options_.home / "token");
    if (!token) return token.error();
    auto key = http::load_or_make_secret(options_.home / "key");
    if (!key) return key.error();
    auto kind = choose_engine(options_.home, options_.engine);
    if (!kind) return kind.error();
    if (auto opened = open_journal(); !opened) return opened;
    listen_ = choose_address(options_.home, options_.listen, *kind);
    auto port = choose_port(options_.home, listen_, options_.port);
    if (!port) return port.error();
    const std::string host = listen_.find(':') == std::string::npos ? listen_ : "[" + listen_ + "]";
    const std::string url = fmt::format("http://{}:{}", host, *port);
    engine_kind_ = *kind;
    if (auto made = make_engine(*kind, url, *key); !made) return made;
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    engine_ = make_hook_engine(std::move(engine_),
                               {options_.home / "hooks", self.parent_path() / "mw-supervisor"});

    ControlLoop::Options loop_options;
    loop_options.version = kVersion;
    loop_.emplace(loop_options, clock_, *journal_, *engine_);
    if (auto started = loop_->start(); !started) return started;
    if (auto judged = set_first_fault_policy(); !judged) return judged;
    if (auto declared = declare_fleet(); !declared) return declared;
    return start_server(*port, *token, *key);
  }

  void stop() {
    if (server_) server_->stop();
    if (loop_) loop_->stop();
  }

  std::string describe() {
    return fmt::format("serving {} at {}; tasks are confined by {}", options_.home.string(),
                       server_->url(), engine_->containment());
  }

 private:
  std::string journal_path() const { return (options_.home / "journal.db").string(); }

  Result<void> open_journal() {
    SqliteJournalOptions journal_options;
    journal_options.version = kVersion;
    journal_options.warn = [](const std::string& warning) { spdlog::warn("{}", warning); };
    auto journal = open_sqlite_journal(journal_path(), journal_options);
    if (!journal) return journal.error();
    journal_ = std::move(*journal);
    return {};
  }

  Result<void> make_engine(EngineKind kind, const std::string& url, const std::string& key) {
    if (kind == EngineKind::kLocal) return make_local(url, key);
    if (kind == EngineKind::kSlurm) return make_slurm(url, key);
    SimulatedEngineOptions engine_options;
    engine_options.run = options_.simulated_run;
    engine_options.nodes = node_specs(options_.nodes, nullptr);
    engine_ = make_simulated_engine(std::move(engine_options));
    return {};
  }

  Result<void> make_slurm(const std::string& url, const std::string& key) {
    auto chosen = choose_slurm(options_.home, options_.slurm);
    if (!chosen) return chosen.error();
    SlurmEngineOptions engine_options = slurm_options(options_.home, *chosen, user_name());
    engine_options.mw_binary = std::filesystem::read_symlink("/proc/self/exe");
    engine_options.url = url;
    engine_options.token = [tokens = http::AttemptTokens(key)](JobId job, AttemptNumber attempt) {
      return tokens.make(job, attempt);
    };
    auto engine = make_slurm_engine(std::move(engine_options));
    if (!engine) return engine.error();
    engine_ = std::move(*engine);
    return {};
  }

  Result<void> declare_fleet() {
    if (!options_.fleet) return {};
    bool known = false;
    loop_->read([&](const State& state) { known = state.fleet.declared == *options_.fleet; });
    if (known) return {};
    return ask_now(DeclareFleet{*options_.fleet, user_name()}, "--fleet: ");
  }

  /// A control plane that has never had one judges faults by the policy that is built in.
  Result<void> set_first_fault_policy() {
    bool known = false;
    loop_->read([&](const State& state) { known = !(*state.health.policy == FaultPolicy()); });
    if (known) return {};
    const EmbeddedFile* file = find_embedded(kEmbeddedFaultPolicies, "default");
    if (file == nullptr) return {};
    auto policy = parse_fault_policy(file->text, "faults/default.yaml");
    if (!policy) return policy.error();
    return ask_now(SetFaultPolicy{std::move(*policy), ""}, "");
  }

  /// Asks, and waits for the answer.
  Result<void> ask_now(InputBody body, const std::string& prefix) {
    auto answered = std::make_shared<std::promise<Result<Answer>>>();
    loop_->ask(std::move(body),
               [answered](Result<Answer> answer) { answered->set_value(std::move(answer)); });
    const Result<Answer> answer = answered->get_future().get();
    if (!answer) return answer.error();
    for (const Event& event : answer->events) {
      if (const auto* refused = std::get_if<Refused>(&event.body))
        return Error{refused->refusal.code, prefix + text(refused->refusal)};
    }
    return {};
  }

  Result<void> make_local(const std::string& url, const std::string& key) {
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    LocalEngineOptions engine_options;
    engine_options.home = options_.home;
    engine_options.mw_binary = self;
    engine_options.supervisor = self.parent_path() / "mw-supervisor";
    if (access(engine_options.supervisor.c_str(), X_OK) != 0) {
      return Error{
          ErrorCode::kUnavailable,
          "the program " + engine_options.supervisor.string() +
              " is missing or not executable; it belongs beside mw, and ./dev build makes it"};
    }
    engine_options.url = url;
    engine_options.token = [tokens = http::AttemptTokens(key)](JobId job, AttemptNumber attempt) {
      return tokens.make(job, attempt);
    };
    engine_options.user = user_name();
    if (!options_.nodes.empty()) {
      auto machine = local::discover(engine_options.discovery);
      if (!machine) return machine.error();
      engine_options.declared = node_specs(options_.nodes, &*machine);
    }
    engine_ = make_local_engine(std::move(engine_options));
    return {};
  }

  Result<void> start_server(std::uint16_t port, const std::string& token, const std::string& key) {
    HttpServer::Options server_options;
    server_options.address = listen_;
    server_options.port = port;
    // Ranks on other machines report to us; they show their attempt's token.
    if (engine_kind_ == EngineKind::kSlurm) { server_options.allow_other_machines = true; }
    server_options.token = token;
    server_options.attempt_key = key;
    server_options.version = kVersion;
    server_options.home = options_.home.string();
    server_options.store_path = journal_path();
    server_options.user = user_name();
    server_options.on_stop = [this] { stop_.request(); };
    server_.emplace(std::move(server_options), *loop_, *journal_, *engine_);
    if (auto started = server_->start(); !started) return started;
    return write_endpoint(options_.home, server_->url());
  }

  const ServeOptions& options_;
  StopSignal& stop_;
  EngineKind engine_kind_ = EngineKind::kLocal;
  std::string listen_;
  std::optional<ServeLock> lock_;
  SystemClock clock_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Engine> engine_;
  std::optional<ControlLoop> loop_;
  std::optional<HttpServer> server_;
};

}  // namespace

int serve(const ServeOptions& options) {
  set_up_log(options.log_level);
  StopSignal stop;  // before any thread, so that all inherit the mask
  ControlPlane plane(options, stop);
  if (const auto started = plane.start(); !started) {
    plane.stop();
    return fail(started.error());
  }
  spdlog::info("{}", plane.describe());
  const std::string why = stop.wait();
  spdlog::info("stopping after {}; what runs goes on", why);
  plane.stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace mw
