#include "workload_hooks.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "codec/text.h"
#include "journal/sqlite/sqlite_journal.h"
#include "twin/workload_files.h"
#include "twin/workload_profile.h"

namespace mw {
namespace {

constexpr std::array<std::int64_t, 5> kShown = {10'000, 50'000, 90'000, 99'000, 100'000};
constexpr std::array<std::string_view, 5> kShownNames = {"P10", "P50", "P90", "P99", "MAX"};

double accelerator_hours(AcceleratorTime time) {
  return static_cast<double>(time.count()) / (1000.0 * 3600 * 1e9);
}

std::string length_text(std::int64_t ns) { return duration_text(Duration(ns)); }

WorkloadOptions options_of(const WorkloadRequest& request, std::vector<std::string>& notes) {
  WorkloadOptions options;
  if (request.fleet) options.fleet = &*request.fleet;
  options.seed = request.seed;
  options.days = request.days;
  options.accelerators_per_node = request.accelerators_per_node;
  options.accelerator_type = request.accelerator_type;
  options.limits = enum_from_name<TimeLimits>(request.limits).value_or(TimeLimits::kStated);
  options.service.scale = request.service_scale;
  options.open_journal = [](const std::string& path) {
    SqliteJournalOptions journal;
    journal.read_only = true;
    return open_sqlite_journal(path, journal);
  };
  options.note = [&notes](const std::string& note) { notes.push_back(note); };
  return options;
}

boost::json::array quantiles_json(const std::vector<std::int64_t>& ascending) {
  boost::json::array all;
  for (const std::int64_t at : kShown) {
    all.push_back(
        boost::json::object{{"percent", static_cast<double>(at) / 1000},
                            {"seconds", static_cast<double>(quantile(ascending, at)) / 1e9}});
  }
  return all;
}

void add_sizes(const WorkloadProfile& profile, WorkloadReport& report, boost::json::object& json) {
  WorkloadTable table{{"ACCELERATORS", "JOBS", "ACCELERATOR-HOURS", "FAILED", "CANCELLED"}, {}};
  for (const std::string_view name : kShownNames) table.columns.emplace_back(name);
  boost::json::array rows;
  for (const auto& [share, size] : profile.sizes) {
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {share_text(share), std::to_string(size.lengths_ns.size()),
           fmt::format("{:.1f}", accelerator_hours(size.time)), std::to_string(size.failed),
           std::to_string(size.cancelled)};
    for (const std::int64_t at : kShown) row.push_back(length_text(quantile(size.lengths_ns, at)));
    rows.push_back(boost::json::object{{"accelerators", static_cast<double>(share.count()) / 1000},
                                       {"jobs", size.lengths_ns.size()},
                                       {"accelerator_hours", accelerator_hours(size.time)},
                                       {"failed", size.failed},
                                       {"cancelled", size.cancelled},
                                       {"length_quantiles", quantiles_json(size.lengths_ns)}});
  }
  report.tables.push_back(std::move(table));
  json["sizes"] = std::move(rows);
}

void add_tenants(const WorkloadProfile& profile, WorkloadReport& report,
                 boost::json::object& json) {
  WorkloadTable table{{"TENANT", "JOBS", "ACCELERATOR-HOURS"}, {}};
  boost::json::array rows;
  for (const auto& [name, tenant] : profile.tenants) {
    table.rows.push_back(
        {name, std::to_string(tenant.jobs), fmt::format("{:.1f}", accelerator_hours(tenant.time))});
    rows.push_back(boost::json::object{{"tenant", name},
                                       {"jobs", tenant.jobs},
                                       {"accelerator_hours", accelerator_hours(tenant.time)}});
  }
  report.tables.push_back(std::move(table));
  json["tenants"] = std::move(rows);
}

Result<WorkloadReport> show(const WorkloadRequest& request) {
  WorkloadReport report;
  auto source = open_workload(request.workload, options_of(request, report.notes));
  if (!source) return source.error();
  const WorkloadProfile profile = profile_workload(**source);
  const double days = static_cast<double>(profile.last.count()) / (86'400 * 1e9);
  report.facts = {{"workload", request.workload},
                  {"jobs", std::to_string(profile.jobs)},
                  {"days", fmt::format("{:.2f}", days)},
                  {"accelerator-hours", fmt::format("{:.1f}", accelerator_hours(profile.time))},
                  {"with time limit", std::to_string(profile.limited)}};
  boost::json::object json{{"workload", request.workload},
                           {"jobs", profile.jobs},
                           {"days", days},
                           {"accelerator_hours", accelerator_hours(profile.time)},
                           {"with_time_limit", profile.limited}};
  if (request.fleet && profile.span_hours() > 0) {
    const double capacity =
        static_cast<double>(fleet_accelerators(*request.fleet, request.accelerator_type)) *
        static_cast<double>(profile.span_hours());
    const double load = accelerator_hours(profile.time) / capacity;
    report.facts.emplace_back("of the fleet", fmt::format("{:.3f}", load));
    json["load"] = load;
  }
  add_sizes(profile, report, json);
  add_tenants(profile, report, json);
  boost::json::array notes;
  for (const std::string& note : report.notes) notes.emplace_back(note);
  json["notes"] = std::move(notes);
  report.json = boost::json::serialize(json);
  return report;
}

/// Quantiles of one thing in the trace and in what was drawn, beside each other.
void compare(const std::string& what, const std::vector<std::int64_t>& trace,
             const std::vector<std::int64_t>& drawn, WorkloadTable& table,
             boost::json::array& rows) {
  for (const auto& [name, values] : {std::pair("trace", &trace), std::pair("drawn", &drawn)}) {
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {what, name, std::to_string(values->size())};
    for (const std::int64_t at : kShown) row.push_back(length_text(quantile(*values, at)));
    rows.push_back(boost::json::object{{"what", what},
                                       {"of", name},
                                       {"jobs", values->size()},
                                       {"quantiles", quantiles_json(*values)}});
  }
}

Result<WorkloadReport> fit(const WorkloadRequest& request) {
  WorkloadReport report;
  const WorkloadOptions options = options_of(request, report.notes);
  auto source = open_workload(request.workload, options);
  if (!source) return source.error();
  const WorkloadProfile trace = profile_workload(**source);
  const std::string name = request.workload.substr(request.workload.find_last_of(":/") + 1);
  const auto model = fit_model(trace, name.substr(0, name.find_last_of('.')));
  if (!model) return model.error();
  report.file = write_workload_file(
      *model, fmt::format("Fitted by mw workload fit to {} jobs of {}.", trace.jobs, name));
  GeneratorOptions generator;
  generator.seed = request.seed;
  auto again = generate_workload(*model, generator);
  if (!again) return again.error();
  const WorkloadProfile drawn = profile_workload(**again);
  WorkloadTable table{{"LENGTH BY SIZE, AND GAPS", "OF", "NUMBER"}, {}};
  for (const std::string_view one : kShownNames) table.columns.emplace_back(one);
  boost::json::array rows;
  for (const auto& [share, size] : trace.sizes) {
    const auto same = drawn.sizes.find(share);
    compare(share_text(share), size.lengths_ns,
            same == drawn.sizes.end() ? std::vector<std::int64_t>() : same->second.lengths_ns,
            table, rows);
  }
  compare("gaps", trace.gaps_ns, drawn.gaps_ns, table, rows);
  report.tables.push_back(std::move(table));
  const double before = accelerator_hours(trace.time);
  const double after = accelerator_hours(drawn.time);
  report.facts = {
      {"model", model->name},
      {"jobs", std::to_string(model->jobs)},
      {"days", std::to_string(model->days)},
      {"hours",
       model->hours.size() == 1 ? "always alike" : fmt::format("{} weights", model->hours.size())},
      {"accelerator-hours", fmt::format("{:.1f} in the trace, {:.1f} drawn", before, after)}};
  report.json = boost::json::serialize(boost::json::object{{"model", model->name},
                                                           {"jobs", model->jobs},
                                                           {"days", model->days},
                                                           {"accelerator_hours_trace", before},
                                                           {"accelerator_hours_drawn", after},
                                                           {"quantiles", std::move(rows)}});
  return report;
}

}  // namespace

void add_workload_hooks(CliHooks& hooks) {
  hooks.workloads.show = show;
  hooks.workloads.fit = fit;
}

}  // namespace mw
