// The whole road, measured from outside on a real control plane: how soon a submitted job's first
// process runs, how many durable submits a second HTTP takes, and how long recovery takes after a
// million jobs. See docs/performance.md for the floor of each.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#include "http/client/http_client.h"
#include "loop_history.h"
#include "support/figures.h"
#include "support/server_process.h"

namespace mw::bench {
namespace {

constexpr int kClients = 64;
constexpr double kSubmitSeconds = 8;
constexpr int kArrayElements = 10'000;
constexpr std::uint64_t kHistoryJobs = 1'000'000;

using Steady = std::chrono::steady_clock;

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double since(Steady::time_point began) {
  return std::chrono::duration<double>(Steady::now() - began).count();
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

/// Hears from probes when they began.
class ProbeListener {
 public:
  explicit ProbeListener(std::string path) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      give_up("cannot listen on " + path_);
    }
  }
  ~ProbeListener() { close(fd_); }
  ProbeListener(const ProbeListener&) = delete;
  ProbeListener& operator=(const ProbeListener&) = delete;

  std::int64_t wait() const {
    std::int64_t ns = 0;
    if (recv(fd_, &ns, sizeof ns, 0) != sizeof ns) give_up("a probe did not start within 20 s");
    return ns;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

void must_be_created(const Result<HttpResponse>& response) {
  if (!response.ok()) give_up(response.error().message);
  if (response->status != 201) give_up(response->body);
}

/// From just before the request is sent to the first instruction of the job's main().
void submit_to_process(const Figures& figures) {
  const TemporaryFolder folder;
  const ServerProcess server(MW_BINARY, folder.path(), {"--node", "n0:4"}, 30);
  const ProbeListener listener((folder.path() / "probe.sock").string());
  const std::string body = std::string("{\"name\": \"probe\", \"command\": [\"") + MW_PROBE +
                           "\", \"" + listener.path() + "\"], \"resources\": {\"cpus\": 0}}";
  HttpClient client(server.url(), server.token());
  std::vector<double> milliseconds;
  for (int i = 0; i < 220; ++i) {
    const std::int64_t sent = monotonic_ns();
    must_be_created(client.post("/v1/jobs", body, {{"workdir", "/"}}));
    const double ms = static_cast<double>(listener.wait() - sent) / 1e6;
    if (i >= 20) milliseconds.push_back(ms);  // the first ones warm caches
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  figures.tell("submit_to_process_p50_ms", percentile(milliseconds, 0.5), "ms",
               spread(milliseconds));
  figures.tell("submit_to_process_p99_ms", percentile(milliseconds, 0.99), "ms");
}

/// Clients that each wait for their answer before they send again; jobs are held, so that only
/// taking them in is measured.
double submits_per_second(const ServerProcess& server, int clients, int array, double duration) {
  const std::string body =
      "{\"name\": \"held\", \"command\": [\"/bin/true\"], \"hold\": true, \"array\": " +
      std::to_string(array) + "}";
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      HttpClient client(server.url(), server.token());
      while (!stop) {
        must_be_created(client.post("/v1/jobs", body, {{"workdir", "/"}}));
        ++answered;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const std::uint64_t before = answered;
  const auto began = Steady::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(duration));
  const double rate = static_cast<double>(answered - before) / since(began);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return rate * array;
}

void http_submits(const Figures& figures) {
  {
    const TemporaryFolder folder;
    const ServerProcess server(MW_BINARY, folder.path(), {"--node", "n0:4"}, 30);
    figures.tell("http_submits_per_s", submits_per_second(server, kClients, 1, kSubmitSeconds),
                 "1/s", "64 clients, one job a request, each durable before its answer");
  }
  const TemporaryFolder folder;
  const ServerProcess server(MW_BINARY, folder.path(), {"--node", "n0:4"}, 30);
  figures.tell("http_array_jobs_per_s", submits_per_second(server, 1, kArrayElements, 3), "1/s",
               "1 client, arrays of 10,000");
}

void recovery(const Figures& figures) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  const std::uint64_t events = write_history(folder.path() / "journal.db", kHistoryJobs);
  std::vector<double> times;
  for (int i = 0; i < 3; ++i) {
    ServerProcess server(MW_BINARY, folder.path(), {"--node", "n0:4"}, 600);
    times.push_back(server.seconds_to_ready());
    server.crash();  // so that the next one finds what this one found
  }
  figures.tell(
      "recovery_1m_jobs_s", percentile(times, 0.5), "s",
      "process start to first answer, " + std::to_string(events) + " events; " + spread(times));
}

}  // namespace
}  // namespace mw::bench

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  const mw::bench::Figures figures(json);
  mw::bench::submit_to_process(figures);
  mw::bench::http_submits(figures);
  mw::bench::recovery(figures);
}
