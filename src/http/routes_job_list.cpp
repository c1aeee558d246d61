// GET /v1/jobs: newest first, from the state, and on request on into the jobs that ended long ago.
// The state is walked in short reads, so a list of a million jobs holds nobody up.
#include <algorithm>
#include <bitset>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <limits>

#include "http/routes.h"
#include "http/why_views.h"

namespace mw::http {
namespace {

constexpr std::size_t kListMax = 1000;
constexpr std::size_t kJobsPerRead = 4096;  ///< looked at while the state's lock is held
constexpr std::size_t kEndedPerRead = 1000;
constexpr std::size_t kEndedScannedMax = 50'000;  ///< for one answer; then it is a short page

struct JobFilter {
  std::bitset<8> states;
  std::optional<std::string> tenant;
  [[nodiscard]] bool takes(const Job& job, const JobSpec& spec) const {
    return states[static_cast<std::size_t>(job.state)] && (!tenant || spec.tenant == *tenant);
  }
  /// True when only jobs that have an attempt can match: there are few of those.
  [[nodiscard]] bool only_live() const {
    std::bitset<8> live;
    for (const JobState state : {JobState::kStarting, JobState::kRunning, JobState::kStopping}) {
      live.set(static_cast<std::size_t>(state));
    }
    return (states & ~live).none();
  }
};

Result<JobFilter> filter_of(const Request& request) {
  JobFilter filter;
  if (request.has("tenant")) filter.tenant = request.text("tenant");
  std::string_view rest = request.text("state");
  if (rest.empty()) filter.states.set();
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const auto state = enum_from_name<JobState>(name);
    if (!state) {
      std::string allowed;
      for (const std::string_view one : EnumNames<JobState>::value)
        allowed += (allowed.empty() ? "" : ", ") + std::string(one);
      return Error{ErrorCode::kInvalid, "Query parameter state: \"" + std::string(name) +
                                            "\" is not a state; allowed: " + allowed + "."};
    }
    filter.states.set(static_cast<std::size_t>(*state));
  }
  return filter;
}

/// Up to `count` matching jobs with ids below `before`, in descending order.
std::vector<JobSnapshot> list_state(const ApiContext& context, const JobFilter& filter,
                                    JobId before, std::size_t count) {
  std::vector<JobSnapshot> found;
  bool more = count > 0;
  while (more) {
    read_state(context, [&](const State& state, Instant now) {
      std::size_t seen = 0;
      const auto look_at = [&](const Job& job) {
        before = job.id;
        if (filter.takes(job, *state.records.at(job.record).spec)) {
          found.push_back(snapshot_of(state, job, now, Why::kAsLastTold));
        }
        return ++seen < kJobsPerRead && found.size() < count;
      };
      more = false;
      if (filter.only_live()) {
        for (auto it = state.attempts.lower_bound(before); it != state.attempts.begin();) {
          --it;
          if (!look_at(state.jobs.at(it->first))) {
            more = true;
            break;
          }
        }
      } else {
        state.jobs.visit_down(before, [&](const Job& job) {
          more = !look_at(job);
          return !more;
        });
      }
    });
    more = more && found.size() < count;
  }
  return found;
}

struct EndedPage {
  std::vector<JobSnapshot> jobs;
  JobId complete_from;  ///< ids below this one were not looked at
};
/// The same from the journal's ended jobs.
Result<EndedPage> list_ended(ApiContext& context, const JobFilter& filter, JobId before,
                             std::size_t count) {
  EndedPage page;
  std::size_t scanned = 0;
  while (page.jobs.size() < count) {
    const auto ended = context.journal.ended_jobs(before, kEndedPerRead);
    if (!ended) return ended.error();
    const Instant now = context.loop.now();
    for (const EndedJob& job : *ended) {
      before = job.job.id;
      if (filter.takes(job.job, job.spec) && page.jobs.size() < count)
        page.jobs.push_back(snapshot_of(job, now));
    }
    if (ended->size() < kEndedPerRead) return page;
    scanned += ended->size();
    if (scanned >= kEndedScannedMax) {
      page.complete_from = before;
      return page;
    }
  }
  return page;
}

/// Both lists as one, each job once; the state's word goes before the journal's, which is older.
std::vector<JobSnapshot> merge(std::vector<JobSnapshot> state, std::vector<JobSnapshot> ended) {
  std::vector<JobSnapshot> all;
  std::merge(std::make_move_iterator(state.begin()), std::make_move_iterator(state.end()),
             std::make_move_iterator(ended.begin()), std::make_move_iterator(ended.end()),
             std::back_inserter(all),
             [](const JobSnapshot& a, const JobSnapshot& b) { return a.job.id > b.job.id; });
  const auto same = [](const JobSnapshot& a, const JobSnapshot& b) { return a.job.id == b.job.id; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

void list_jobs(ApiContext& context, const Request& request, const Reply& reply) {
  const auto filter = filter_of(request);
  if (!filter) return reply(error_response(filter.error()));
  const std::size_t limit = request.number("limit").value_or(100);
  const JobId before(request.number("before").value_or(std::numeric_limits<std::int64_t>::max()));

  std::vector<JobSnapshot> jobs = list_state(context, *filter, before, limit + 1);
  JobId complete_from;
  if (request.flag("all")) {
    auto ended = list_ended(context, *filter, before, limit + 1);
    if (!ended) return reply(error_response(ended.error()));
    complete_from = ended->complete_from;
    jobs = merge(std::move(jobs), std::move(ended->jobs));
    std::erase_if(jobs, [&](const JobSnapshot& job) { return job.job.id < complete_from; });
  }
  std::optional<JobId> next;
  if (jobs.size() > limit) {
    jobs.resize(limit);
    next = jobs.back().job.id;
  } else if (complete_from != JobId()) {
    next = complete_from;
  }
  boost::json::array views;
  views.reserve(jobs.size());
  for (const JobSnapshot& job : jobs) views.push_back(job_view(job));
  reply(json_response(
      {{"jobs", std::move(views)},
       {"next", next ? boost::json::value(next->value()) : boost::json::value(nullptr)}}));
}

}  // namespace

std::vector<Route> job_list_routes(ApiContext* context) {
  Route list;
  list.path = "/v1/jobs";
  list.operation = "list_jobs";
  list.summary =
      "Jobs, newest first: those that the control plane still has in mind (unfinished, and the "
      "last "
      "10,000 finished); with all=1 on into older ones. A page may be short though more follows: "
      "`next` is then not null.";
  list.runs = Runs::kOnWorker;
  list.parameters = {
      {"state", ParameterPlace::kQuery, ParameterType::kString,
       "Only jobs in these states, separated by commas."},
      {"tenant", ParameterPlace::kQuery, ParameterType::kString, "Only this tenant's."},
      {"all", ParameterPlace::kQuery, ParameterType::kBoolean, "Also jobs that ended long ago."},
      {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
       "At most so many; 100 when not given.", 1, kListMax},
      {"before", ParameterPlace::kQuery, ParameterType::kInteger,
       "Only ids below this one: the last page's `next`.", 1},
  };
  list.responses = {{200, "A page of jobs.", "JobList"}};
  list.handler = [context](const auto& request, const Reply& reply) {
    list_jobs(*context, *request, reply);
  };

  Route reasons;
  reasons.path = "/v1/queue/reasons";
  reasons.operation = "queue_reasons";
  reasons.summary = "What the jobs that wait wait for, by reason.";
  reasons.runs = Runs::kOnWorker;
  reasons.responses = {{200, "The reasons.", "QueueReasons"}};
  reasons.handler = [context](const auto&, const Reply& reply) {
    boost::json::object view;
    read_state(*context,
               [&](const State& state, Instant now) { view = queue_reasons_view(state, now); });
    reply(json_response(std::move(view)));
  };
  return {list, reasons};
}

}  // namespace mw::http
