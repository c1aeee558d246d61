#include "engines/slurm/handed_over.h"

#include <algorithm>

#include "engines/slurm/adoption.h"
#include "engines/slurm/rule_switch.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/submission.h"

namespace mw::slurm {

Result<HandedOver> HandedOver::open(const SlurmEngineOptions& options) {
  if (auto checked = check_address(options.address); !checked) return checked.error();
  auto identity = Identity::for_address(options.address, options.jwt_key, options.self);
  if (!identity) return identity.error();
  auto store = std::make_unique<AttemptStore>(options.home / "slurm", options.records_kept);
  if (auto read = store->open(); !read) return read.error();
  HandedOver opened(options.address, std::move(*identity), std::move(store));
  if (auto connected = opened.client_->connect(); !connected) return connected.error();
  return opened;
}

Result<std::vector<SlurmJob>> HandedOver::waiting() {
  auto jobs = client_->jobs();
  if (!jobs) return jobs.error();
  // What a control plane submitted by itself was not handed over.
  std::erase_if(*jobs, [](const SlurmJob& job) {
    return !job.request || job.state != "PENDING" || read_mark(job.comment);
  });
  return jobs;
}

Result<bool> HandedOver::let_go(const SlurmJob& job) {
  if (!job.held && !job.completing && store_->has_pinned(job)) {
    const auto freed = client_->unpin(id_of(job));
    if (freed) return true;
    // It may have started since it was listed: then there is nothing to be done.
    const auto now = client_->job(job.id, client_->identity().self());
    const bool waits = !now || std::ranges::any_of(*now, [&](const SlurmJob& each) {
      return each.id == job.id && is_waiting(each);
    });
    return waits ? Result<bool>(freed.error()) : Result<bool>(false);
  }
  if (!waits_for_decision(job) || held_by_user(job)) return false;
  const auto done = client_->let_go(id_of(job));
  if (done) return true;
  // slurmrestd 22.05 calls a change of an array failed that was made.
  const auto now = client_->job(job.id, client_->identity().self());
  const bool waits = !now || std::ranges::any_of(*now, waits_for_decision);
  if (waits) return done.error();
  return true;
}

Result<std::optional<std::filesystem::path>> HandedOver::switch_rule_off() {
  const auto configuration = client_->configuration();
  if (!configuration) return configuration.error();
  auto file = rule_switch(*configuration);
  if (!file || !*file) return file;
  if (const auto off = slurm::switch_rule_off(**file); !off) return off.error();
  return file;
}

std::string HandedOver::id_of(const SlurmJob& job) {
  return job.stands_for_many() ? std::to_string(job.array) : job.name();
}

std::string HandedOver::what_of(const SlurmJob& job) {
  constexpr std::string_view kPrefix = "millwright: ";
  if (held_by_user(job)) return "held by its user";
  if (!job.held) return "let go; Slurm has yet to start it: " + job.reason;
  if (job.admin_comment.starts_with(kPrefix)) return job.admin_comment.substr(kPrefix.size());
  return "waits for a decision";
}

}  // namespace mw::slurm
