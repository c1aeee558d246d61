#include "slurm_hooks.h"

#include <pwd.h>
#include <unistd.h>

#include "engines/slurm/handed_over.h"
#include "slurm_choice.h"

namespace mw {
namespace {

Result<slurm::HandedOver> open_cluster(const std::filesystem::path& home) {
  auto choice = read_slurm_choice(home);
  if (!choice) return choice.error();
  if (choice->address.empty()) {
    return Error{ErrorCode::kNotFound,
                 home.string() +
                     " is not the home of a control plane on Slurm: it has no "
                     "slurm.json. Say which one with --home"};
  }
  const passwd* entry = getpwuid(geteuid());
  return slurm::HandedOver::open(
      slurm_options(home, *choice, entry == nullptr ? "" : entry->pw_name));
}

Result<std::vector<SlurmWaiting>> waiting(const std::filesystem::path& home) {
  auto cluster = open_cluster(home);
  if (!cluster) return cluster.error();
  auto jobs = cluster->waiting();
  if (!jobs) return jobs.error();
  std::vector<SlurmWaiting> all;
  for (const slurm::SlurmJob& job : *jobs) {
    all.push_back({slurm::HandedOver::id_of(job), job.job_name, job.user, job.partition,
                   slurm::HandedOver::what_of(job)});
  }
  return all;
}

Result<SlurmGivenBack> give_back(const std::filesystem::path& home) {
  auto cluster = open_cluster(home);
  if (!cluster) return cluster.error();
  SlurmGivenBack back;
  // First, so that none comes in behind the list.
  if (const auto off = cluster->switch_rule_off(); !off) {
    back.rule_fault = off.error().message;
  } else if (*off) {
    back.rule_off = (*off)->string();
  }
  auto jobs = cluster->waiting();
  if (!jobs) return jobs.error();
  for (const slurm::SlurmJob& job : *jobs) {
    std::string id = slurm::HandedOver::id_of(job);
    if (const auto done = cluster->let_go(job); !done) {
      back.failed.emplace_back(std::move(id), done.error().message);
    } else if (*done) {
      back.released.push_back(std::move(id));
    }
  }
  return back;
}

}  // namespace

void add_slurm_hooks(CliHooks& hooks) {
  hooks.slurm.waiting = waiting;
  hooks.slurm.give_back = give_back;
}

}  // namespace mw
