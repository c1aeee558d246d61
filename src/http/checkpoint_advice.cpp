#include "http/checkpoint_advice.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "http/api.h"
#include "twin/checkpoint_interval.h"

namespace mw::http {
namespace {

namespace json = boost::json;

std::optional<Duration> mean(Duration sum, std::uint64_t count) {
  if (count == 0) return std::nullopt;
  return Duration(sum.count() / static_cast<std::int64_t>(count));
}

json::value seconds_value(const std::optional<Duration>& length) {
  if (!length) return nullptr;
  return static_cast<double>(length->count()) / 1e9;
}

json::value percent_value(const std::optional<double>& part) {
  return part ? json::value(100 * *part) : json::value(nullptr);
}

}  // namespace

CheckpointAdvice advise(const JobGoodput& job, const Goodput::FailureRate& rate) {
  CheckpointAdvice advice;
  const Int128 node_time = rate.in_service.count() + kNodeMttfPrior.count();
  const Int128 node_mean = node_time / static_cast<std::int64_t>(rate.failures + 1);
  const Int128 gang_mean = node_mean / std::max<std::uint32_t>(job.nodes, 1);
  constexpr Int128 kLongest = hours(24 * 36'500).count();
  advice.mttf = Duration(static_cast<std::int64_t>(std::clamp<Int128>(gang_mean, 1, kLongest)));
  advice.failures = rate.failures;
  advice.restart = mean(job.saving.starting, job.saving.starts).value_or(Duration());
  advice.cost = mean(job.saving.saving, job.saving.saves);
  advice.in_use = mean(job.saving.worked, job.saving.stretches);
  if (!advice.cost) return advice;
  const auto loss = [&](Duration interval) {
    return checkpoint_loss(interval, *advice.cost, advice.restart, advice.mttf);
  };
  advice.best = checkpoint_interval(*advice.cost, advice.mttf);
  advice.loss_best = loss(*advice.best);
  if (advice.in_use && advice.in_use->count() > 0) advice.loss_in_use = loss(*advice.in_use);
  return advice;
}

std::optional<CheckpointAdvice> advise(const ApiContext& context, JobId job) {
  std::optional<CheckpointAdvice> advice;
  const Instant now = context.loop.now();
  const auto read = context.history.read([&](const Goodput& goodput, const Incidents&) {
    if (const auto known = goodput.job(job, now)) {
      advice = advise(*known, goodput.failure_rate(now));
    }
  });
  if (!read) return std::nullopt;
  return advice;
}

json::object advice_view(const CheckpointAdvice& advice) {
  return {{"mttf_s", seconds_value(advice.mttf)},
          {"failures_seen", advice.failures},
          {"restart_s", seconds_value(advice.restart)},
          {"cost_s", seconds_value(advice.cost)},
          {"interval_s", seconds_value(advice.in_use)},
          {"best_interval_s", seconds_value(advice.best)},
          {"loss_percent", percent_value(advice.loss_in_use)},
          {"best_loss_percent", percent_value(advice.loss_best)}};
}

}  // namespace mw::http
