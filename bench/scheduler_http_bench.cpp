// The scheduler as people reach it: one-node jobs over HTTP into a real control plane on the
// simulated engine, each durable in SQLite before it is acknowledged, decided on and placed in a
// declared fleet of 31,250 nodes. In batches of different jobs, and as arrays.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "http/client/http_client.h"
#include "scheduler_bench.h"
#include "support/server_process.h"

namespace mw::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr const char* kFleet = "ai-cloud-2025";
constexpr int kClients = 4;  // each waits for its answer before it sends again
constexpr int kBatchJobs = 1'000;
constexpr int kJobs = 120'000;  // not half of the fleet's accelerators
constexpr int kArrayJobs = 1'000;
constexpr int kPatienceSeconds = 300;

[[noreturn]] void stop_with(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

double since(Steady::time_point began) {
  return std::chrono::duration<double>(Steady::now() - began).count();
}

std::string job_text(int number, int array) {
  return R"({"name":"job-)" + std::to_string(number) +
         R"(","command":["/bin/true"],"resources":{"accelerators":1,"cpus":1},"array":)" +
         std::to_string(array) + "}";
}

/// One request each: batches of jobs that are told apart by their names, or one array.
std::vector<std::string> bodies(bool arrays) {
  std::vector<std::string> all;
  for (int first = 0; first < kJobs; first += kBatchJobs) {
    if (arrays) {
      all.push_back(job_text(first, kArrayJobs));
      continue;
    }
    std::string body = "{\"jobs\":[";
    for (int i = 0; i < kBatchJobs; ++i) body += (i > 0 ? "," : "") + job_text(first + i, 1);
    all.push_back(body + "]}");
  }
  return all;
}

/// How many jobs run, as /metrics says.
int running(HttpClient& client) {
  const auto response = client.get("/metrics");
  if (!response.ok() || !response->ok()) stop_with("the control plane does not tell its metrics");
  constexpr const char* kLine = "mw_jobs{state=\"running\"} ";
  const std::size_t at = response->body.find(kLine);
  if (at == std::string::npos) stop_with("/metrics does not tell how many jobs run");
  return std::atoi(response->body.c_str() + at + std::string(kLine).size());
}

/// CPU time of a process so far, in seconds.
double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::string word;
  double ticks = 0;
  for (int field = 3; rest >> word; ++field) {
    if (field == 14 || field == 15) ticks += std::atof(word.c_str());
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct Rates {
  double per_second = 0;  ///< jobs, from the first byte sent until all of them run
  double answered_per_second = 0;
  double cpu_us = 0;  ///< of the control plane, a job
};

Rates measure(bool arrays) {
  const TemporaryFolder folder;
  const ServerProcess server(
      MW_BINARY, folder.path(),
      {"--engine", "simulated", "--fleet", kFleet, "--simulated-run", "2h", "--log-level", "warn"},
      kPatienceSeconds);
  const std::vector<std::string> requests = bodies(arrays);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  const double cpu_before = cpu_seconds(server.pid());
  const auto began = Steady::now();
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      HttpClient client(server.url(), server.token());
      for (std::size_t mine = next++; mine < requests.size(); mine = next++) {
        const auto response =
            client.post(arrays ? "/v1/jobs" : "/v1/jobs/batch", requests[mine], {{"workdir", "/"}});
        if (!response.ok()) stop_with(response.error().message);
        const bool taken = arrays ? response->status == 201
                                  : response->body.find("\"refused\":0}") != std::string::npos;
        if (!taken) stop_with(response->body.substr(0, 500));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double answered = since(began);
  HttpClient client(server.url(), server.token());
  while (running(client) < kJobs) {
    if (since(began) > kPatienceSeconds) stop_with("not all jobs started");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const double placed = since(began);
  return {kJobs / placed, kJobs / answered, (cpu_seconds(server.pid()) - cpu_before) * 1e6 / kJobs};
}

}  // namespace

void bench_http(const Figures& figures) {
  const Rates batches = measure(false);
  figures.tell("http_jobs_per_s", batches.per_second, "jobs/s",
               "different one-node jobs in batches of 1,000 by 4 clients, until all of them run");
  figures.tell("http_jobs_answered_per_s", batches.answered_per_second, "jobs/s",
               "until each has its id, durably");
  figures.tell("http_job_cpu_us", batches.cpu_us, "us", "CPU time of the control plane a job");
  const Rates arrays = measure(true);
  figures.tell("http_array_jobs_per_s", arrays.per_second, "jobs/s",
               "arrays of 1,000 by 4 clients, until all of them run");
  figures.tell("http_array_job_cpu_us", arrays.cpu_us, "us", "");
}

}  // namespace mw::bench
