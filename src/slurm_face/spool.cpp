#include "slurm_face/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include "cli/home.h"
#include "cli/json_view.h"
#include "slurm_face/face_job.h"
#include "slurm_face/packets.h"

namespace mw::face {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSweptAtOnce = 8;  // requests that a submit may cost

Error cannot(const std::string& path) {
  return {ErrorCode::kUnavailable, fmt::format("cannot write {}: {}", path, std::strerror(errno))};
}

Result<void> write_private(const std::string& path, std::string_view text, mode_t mode) {
  const OpenFile file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.valid()) return cannot(path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) return cannot(path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> random_name() {
  std::array<unsigned char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return Error{ErrorCode::kUnavailable, "the system has no random numbers now"};
  }
  std::string name;
  for (const unsigned char byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

std::string zero_ended(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text.append(one).push_back('\0');
  return text;
}

std::vector<std::string> read_zero_ended(std::istream& file) {
  std::vector<std::string> all;
  for (std::string one; std::getline(file, one, '\0');) all.push_back(one);
  return all;
}

/// Whether the control plane's job of this number names the folder.
Result<bool> is_of_job(Api& api, std::uint64_t job, const std::string& folder) {
  const auto view = api.get(fmt::format("/v1/jobs/{}", job));
  if (!view && view.error().code == ErrorCode::kNotFound) return false;
  if (!view) return view.error();
  std::vector<std::string> command;
  for (const auto& word : view->view()["command"].list()) command.push_back(JsonView(word).text());
  const auto face = face_job_of(command);
  return face && face->spool == folder;
}

}  // namespace

std::string script_path(const std::string& spool) { return spool + "/slurm_script"; }

Result<std::string> make_spool(const fs::path& home, const Submission& submission) {
  if (auto made = make_home(home); !made) return made.error();
  const fs::path all = home / "slurm";
  if (::mkdir(all.c_str(), 0700) != 0 && errno != EEXIST) return cannot(all.string());
  const auto name = random_name();
  if (!name) return name.error();
  const std::string spool = (all / *name).string();
  if (::mkdir(spool.c_str(), 0700) != 0) return cannot(spool);
  auto written = write_private(spool + "/environment", zero_ended(submission.environment), 0600);
  if (written && !submission.arguments.empty()) {
    written = write_private(spool + "/arguments", zero_ended(submission.arguments), 0600);
  }
  if (written && !submission.script.empty()) {
    written = write_private(script_path(spool), submission.script, 0700);
  }
  if (!written) {
    remove_spool(spool);
    return written.error();
  }
  return spool;
}

void note_jobs(const std::string& spool, std::uint64_t first, std::uint64_t count) {
  // Without it the folder stays, which harms nobody.
  [[maybe_unused]] const auto written =
      write_private(spool + "/jobs", fmt::format("{} {}\n", first, count), 0600);
}

void note_end(const std::string& spool, std::uint64_t job, int status) {
  const std::string path = fmt::format("{}/end.{}", spool, job);
  std::error_code failure;
  fs::remove(path, failure);  // of an attempt before this one
  [[maybe_unused]] const auto written = write_private(path, fmt::format("{}\n", status), 0600);
}

std::optional<int> noted_end(const std::string& spool, std::uint64_t job) {
  int status = 0;
  if (std::ifstream(fmt::format("{}/end.{}", spool, job)) >> status) return status;
  return {};
}

void remove_spool(const std::string& spool) {
  std::error_code failure;
  fs::remove_all(spool, failure);
}

void sweep_spool(const fs::path& home, Api& api) {
  std::error_code failure;
  std::vector<std::pair<fs::file_time_type, fs::path>> folders;
  for (const auto& entry : fs::directory_iterator(home / "slurm", failure)) {
    if (const auto at = fs::last_write_time(entry.path() / "jobs", failure); !failure) {
      folders.emplace_back(at, entry.path());
    }
  }
  std::ranges::sort(folders);
  folders.resize(std::min(folders.size(), kSweptAtOnce));
  for (const auto& [at, folder] : folders) {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::ifstream(folder / "jobs") >> first >> count;
    if (count == 0) continue;
    // The newest unfinished job up to the last one that needs the folder: is it one of those?
    const auto page = api.get("/v1/jobs", {{"state", "pending,starting,running,stopping"},
                                           {"before", std::to_string(first + count)},
                                           {"limit", "1"}});
    if (!page) return;  // another time
    const auto& jobs = page->view()["jobs"].list();
    const bool ended =
        jobs.empty() || JsonView(jobs[0])["id"].integer() < static_cast<std::int64_t>(first);
    // Two control planes may share a home, and give the same numbers.
    const auto ours = ended ? is_of_job(api, first, folder.string()) : Result<bool>(false);
    if (!ours) return;
    if (*ours) {
      remove_spool(folder.string());
    } else {
      // So that it does not keep others from being looked at the next time.
      fs::last_write_time(folder / "jobs", fs::file_time_type::clock::now(), failure);
    }
  }
}

Result<std::vector<std::string>> read_spooled_environment(const std::string& spool) {
  std::ifstream file(spool + "/environment", std::ios::binary);
  if (!file) {
    return Error{
        ErrorCode::kNotFound,
        fmt::format("cannot read {}/environment: {}; the folder holds what was submitted, and "
                    "has to be there until the job has ended",
                    spool, std::strerror(errno))};
  }
  return read_zero_ended(file);
}

std::vector<std::string> read_spooled_arguments(const std::string& spool) {
  std::ifstream file(spool + "/arguments", std::ios::binary);
  return read_zero_ended(file);
}

void take_spooled_umask(const std::string& spool) {
  constexpr std::string_view kName = "SLURM_UMASK=";
  const auto all = read_spooled_environment(spool);
  if (!all) return;  // whoever needs more of it says so
  for (const std::string& one : *all) {
    if (!one.starts_with(kName)) continue;
    unsigned mask = 0;
    const char* const end = one.data() + one.size();
    const auto [at, fault] = std::from_chars(one.data() + kName.size(), end, mask, 8);
    if (fault == std::errc() && at == end && mask <= 0777) ::umask(static_cast<mode_t>(mask));
  }
}

}  // namespace mw::face
