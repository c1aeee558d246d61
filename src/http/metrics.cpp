#include "http/metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>

namespace mw::http {
namespace {

/// The fields of /proc/self/stat after the command's name, which may contain spaces.
std::vector<std::string> process_fields() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream rest(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::uint64_t open_files() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(folder);
  return count - 1;  // the folder itself
}

double boot_time_s() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

}  // namespace

void MetricsWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " +
           std::string(type) + "\n";
}

void MetricsWriter::begin_sample(Labels labels, std::string_view suffix) {
  text_ += name_;
  text_ += suffix;
  if (labels.size() == 0) return;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    text_ += separator;
    text_ += name;
    text_ += "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') text_ += '\\';
      if (c == '\n')
        text_ += "\\n";
      else
        text_ += c;
    }
    text_ += '"';
    separator = ',';
  }
  text_ += '}';
}

void MetricsWriter::sample(double value, Labels labels, std::string_view suffix) {
  begin_sample(labels, suffix);
  std::array<char, 40> number{};
  const auto end = std::to_chars(number.data(), number.data() + number.size(), value).ptr;
  text_ += ' ';
  text_.append(number.data(), end);
  text_ += '\n';
}

void MetricsWriter::sample(std::uint64_t value, Labels labels, std::string_view suffix) {
  begin_sample(labels, suffix);
  text_ += ' ' + std::to_string(value) + '\n';
}

void HttpMetrics::count(std::string_view route, std::string_view method, int status,
                        Duration took) {
  const double seconds = static_cast<double>(took.count()) / 1e9;
  std::size_t bucket = 0;
  while (bucket < kBuckets.size() && seconds > kBuckets[bucket]) ++bucket;
  const std::lock_guard lock(mutex_);
  Series& series = series_[{route, method}];
  ++series.by_status[status];
  ++series.by_bucket[bucket];
  ++series.requests;
  series.seconds += seconds;
}

void HttpMetrics::write(MetricsWriter& writer) const {
  const std::lock_guard lock(mutex_);
  writer.family("mw_http_requests_total", "counter", "Requests answered, by route and status.");
  for (const auto& [key, series] : series_) {
    for (const auto& [status, count] : series.by_status) {
      const std::string code = std::to_string(status);
      writer.sample(count, {{"route", key.first}, {"method", key.second}, {"code", code}});
    }
  }
  writer.family("mw_http_request_seconds", "histogram",
                "From the first byte of a request to the last byte of its response.");
  for (const auto& [key, series] : series_) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i <= kBuckets.size(); ++i) {
      below += series.by_bucket[i];
      std::array<char, 40> bound{"+Inf"};
      if (i < kBuckets.size()) {
        *std::to_chars(bound.data(), bound.data() + bound.size() - 1, kBuckets[i],
                       std::chars_format::fixed)
             .ptr = '\0';
      }
      writer.sample(below, {{"route", key.first}, {"method", key.second}, {"le", bound.data()}},
                    "_bucket");
    }
    writer.sample(series.seconds, {{"route", key.first}, {"method", key.second}}, "_sum");
    writer.sample(series.requests, {{"route", key.first}, {"method", key.second}}, "_count");
  }
}

void write_process_metrics(MetricsWriter& writer) {
  // proc(5): of the fields after the name, user and system time are 11 and 12, threads 17, start
  // time 19, virtual size 20, resident pages 21; times in clock ticks.
  const std::vector<std::string> fields = process_fields();
  if (fields.size() < 22) return;
  const auto field = [&](std::size_t i) { return std::strtod(fields[i].c_str(), nullptr); };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  writer.one("process_cpu_seconds_total", "counter", "User and system CPU time spent in seconds.",
             (field(11) + field(12)) / ticks);
  writer.one("process_threads", "gauge", "Threads of this process.", field(17));
  writer.one("process_start_time_seconds", "gauge", "Start time since the Unix epoch in seconds.",
             boot_time_s() + field(19) / ticks);
  writer.one("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", field(20));
  writer.one("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
             field(21) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  writer.one("process_open_fds", "gauge", "Open file descriptors.", open_files());
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    writer.one("process_max_fds", "gauge", "How many file descriptors may be open.",
               static_cast<std::uint64_t>(limit.rlim_cur));
  }
}

}  // namespace mw::http
