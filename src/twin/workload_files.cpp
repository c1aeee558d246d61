#include "twin/workload_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/check.h"
#include "codec/embedded_files.h"
#include "codec/suggest.h"
#include "codec/units.h"
#include "model/gang.h"
#include "twin/journal_workload.h"

namespace mw {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModel = "model";
constexpr std::int64_t kMemoryMax = std::int64_t{1} << 60U;

std::int64_t clamp_amount(std::int64_t amount, std::int64_t most) {
  return most > 0 ? std::min(amount, most) : amount;
}

/// What a fleet allows, as far as one is known.
struct Bounds {
  std::int64_t gang = 0;  ///< accelerators; 0: unknown
  std::int64_t cpus = 0;  ///< thousandths, of the largest node
  std::int64_t memory = 0;
  std::set<std::string> types;
};

Bounds bounds_of(const WorkloadOptions& options) {
  Bounds bounds;
  if (options.fleet == nullptr) return bounds;
  bounds.gang = gang_accelerators_max(*options.fleet, options.accelerator_type);
  for (const NodeShape& shape : options.fleet->shapes) {
    bounds.cpus = std::max(bounds.cpus, shape.cpus.count());
    bounds.memory = std::max(bounds.memory, shape.memory.count());
    bounds.types.insert(shape.accelerator_type);
  }
  return bounds;
}

ShapeRules rules_of(const WorkloadOptions& options) {
  ShapeRules rules;
  if (options.fleet != nullptr) rules = shape_rules(*options.fleet, options.accelerator_type);
  rules.accelerator_type = options.accelerator_type;
  if (options.accelerators_per_node > 0)
    rules.accelerators_per_node = options.accelerators_per_node;
  return rules;
}

Result<void> check_type(const WorkloadOptions& options) {
  if (options.fleet == nullptr) return {};
  if (fleet_accelerators(*options.fleet, options.accelerator_type) > 0) return {};
  return Error{ErrorCode::kInvalid,
               fmt::format("the fleet {} has no accelerators{}; it has: {}", options.fleet->name,
                           options.accelerator_type.empty()
                               ? std::string()
                               : " of type " + in_quotes(options.accelerator_type),
                           fmt::join(bounds_of(options).types, ", "))};
}

/// A trace's jobs, made into ours one after the other.
class TraceSource final : public WorkloadSource {
 public:
  TraceSource(std::vector<TraceJob> jobs, const WorkloadOptions& options, std::string name)
      : jobs_(std::move(jobs)),
        name_(std::move(name)),
        rules_(rules_of(options)),
        bounds_(bounds_of(options)),
        limits_(options.limits),
        checkpoint_interval_(options.checkpoint_interval),
        checkpoint_cost_(options.checkpoint_cost) {
    const bool asked = std::ranges::any_of(
        jobs_, [](const TraceJob& job) { return job.accelerators > AcceleratorShare(0); });
    cpus_are_accelerators_ = options.cpus_are_accelerators.value_or(!asked);
    if (!options.note) return;
    if (cpus_are_accelerators_ && !asked && !jobs_.empty())
      options.note("No job asks for an accelerator, so each CPU of theirs is taken for one.");
    std::size_t cut = 0;
    std::size_t freed = 0;
    for (const TraceJob& job : jobs_) {
      if (bounds_.gang > 0 && accelerators_of(job) > bounds_.gang * kWholeAccelerator) ++cut;
      if (!job.types.empty() && types_of(job).empty()) ++freed;
    }
    if (cut > 0) {
      options.note(
          fmt::format("{} jobs ask for more than the {} accelerators that a gang can have "
                      "on this fleet; they get those.",
                      cut, bounds_.gang));
    }
    if (freed > 0) {
      options.note(fmt::format(
          "{} jobs ask for types of accelerators that this fleet does not have; any will do.",
          freed));
    }
  }

  std::optional<WorkloadJob> next() override {
    if (next_ == jobs_.size()) return {};
    const TraceJob& from = jobs_[next_++];
    WorkloadJob job;
    job.at = Instant(0) + from.submitted;
    JobDemand demand{.accelerators = accelerators_of(from),
                     .cpus = from.cpus,
                     .memory = from.memory,
                     .types = types_of(from)};
    if (bounds_.gang > 0)
      demand.accelerators = std::min(demand.accelerators, bounds_.gang * kWholeAccelerator);
    job.spec = simulated_job(fmt::format("{}-{}", name_, next_), gang_shape(demand, rules_));
    JobSpec& spec = job.spec;
    if (!from.tenant.empty()) spec.tenant = from.tenant;
    spec.user = from.user;
    if (demand.accelerators == AcceleratorShare(0) && from.nodes > 1) spread_over(from, spec.gang);
    TaskShape& task = spec.gang.task;
    task.cpus = CpuShare(clamp_amount(task.cpus.count(), bounds_.cpus));
    task.memory = Bytes(std::min(clamp_amount(task.memory.count(), bounds_.memory), kMemoryMax));
    job.truth.work = from.run_time;
    if (from.end == TraceEnd::kFailed) job.truth.outcome = JobOutcome::kFails;
    if (from.end == TraceEnd::kCancelled) job.truth.outcome = JobOutcome::kCancelled;
    job.truth.checkpoint_interval = checkpoint_interval_;
    job.truth.checkpoint_cost = checkpoint_cost_;
    if (limits_ == TimeLimits::kKnown) spec.time_limit = known_limit(from.run_time);
    if (limits_ == TimeLimits::kStated) spec.time_limit = from.time_limit;
    return job;
  }

 private:
  [[nodiscard]] AcceleratorShare accelerators_of(const TraceJob& job) const {
    if (!cpus_are_accelerators_ || job.accelerators > AcceleratorShare(0)) return job.accelerators;
    return (job.cpus.count() + kWholeCpu.count() - 1) / kWholeCpu.count() * kWholeAccelerator;
  }
  [[nodiscard]] std::vector<std::string> types_of(const TraceJob& job) const {
    std::vector<std::string> types = job.types;
    if (!bounds_.types.empty())
      std::erase_if(types, [&](const std::string& type) { return !bounds_.types.contains(type); });
    return types;
  }
  /// A job without accelerators that ran on several nodes is a task on each.
  static void spread_over(const TraceJob& from, GangShape& gang) {
    gang.tasks = from.nodes;
    gang.task.cpus = CpuShare((gang.task.cpus.count() + from.nodes - 1) / from.nodes);
    gang.task.memory = Bytes((gang.task.memory.count() + from.nodes - 1) / from.nodes);
  }

  std::vector<TraceJob> jobs_;
  std::string name_;
  ShapeRules rules_;
  Bounds bounds_;
  TimeLimits limits_;
  Duration checkpoint_interval_;
  Duration checkpoint_cost_;
  bool cpus_are_accelerators_ = false;
  std::size_t next_ = 0;
};

/// Jobs that are complete already.
class JobsSource final : public WorkloadSource {
 public:
  explicit JobsSource(std::vector<WorkloadJob> jobs) : jobs_(std::move(jobs)) {}
  std::optional<WorkloadJob> next() override {
    if (next_ == jobs_.size()) return {};
    return std::move(jobs_[next_++]);
  }

 private:
  std::vector<WorkloadJob> jobs_;
  std::size_t next_ = 0;
};

void tell(const WorkloadOptions& options, std::size_t count, std::string_view what) {
  if (count > 0 && options.note) options.note(fmt::format("{} {}", count, what));
}

Result<std::unique_ptr<WorkloadSource>> open_journal(const std::string& path,
                                                     const WorkloadOptions& options) {
  if (!options.open_journal)
    return Error{ErrorCode::kUnsupported, fmt::format("{}: journals cannot be read here", path)};
  std::error_code ignored;
  const auto journal = options.open_journal(
      fs::is_directory(path, ignored) ? (fs::path(path) / "journal.db").string() : path);
  if (!journal) return journal.error();
  auto read = journal_jobs(**journal);
  if (!read) return Error{read.error().code, path + ": " + read.error().message};
  tell(options, read->never_ran,
       "jobs never ran, so how long they would have is unknown; left out.");
  tell(options, read->unfinished.size(), "jobs still ran when the journal ended; they end there.");
  if (options.days > 0) {
    std::erase_if(read->jobs, [&](const WorkloadJob& job) {
      return job.at >= Instant(0) + hours(24 * options.days);
    });
  }
  for (WorkloadJob& job : read->jobs) {
    if (options.limits == TimeLimits::kUnknown) job.spec.time_limit = Duration(0);
    if (options.limits == TimeLimits::kKnown) job.spec.time_limit = known_limit(job.truth.work);
  }
  return std::unique_ptr<WorkloadSource>(std::make_unique<JobsSource>(std::move(read->jobs)));
}

Result<TraceJobs> read_trace(TraceFormat format, const std::string& text, const std::string& path,
                             const WorkloadOptions& options) {
  if (format == TraceFormat::kSwf) return read_swf_trace(text, path);
  const bool sacct = format == TraceFormat::kSacct;
  const auto table = CsvTable::parse(text, path, sacct ? kSacctForm : CsvForm());
  if (!table) return table.error();
  switch (format) {
    case TraceFormat::kOpenb:
      return read_openb_trace(*table);
    case TraceFormat::kMuri:
      return read_muri_trace(*table);
    case TraceFormat::kPhilly:
      return read_philly_trace(*table);
    case TraceFormat::kSacct:
      return read_sacct_trace(*table);
    case TraceFormat::kAzure: {
      const auto requests = read_azure_trace(*table);
      if (!requests) return requests.error();
      return TraceJobs{replica_jobs(replicas_needed(*requests, options.service), options.service),
                       0};
    }
    case TraceFormat::kSwf:
    case TraceFormat::kJournal:
      break;
  }
  MW_CHECK(!"every form is handled");
}

Result<std::unique_ptr<WorkloadSource>> open_trace(TraceFormat format, const std::string& path,
                                                   const WorkloadOptions& options) {
  if (format == TraceFormat::kJournal) return open_journal(path, options);
  const auto text = read_list_file(path);
  if (!text) return text.error();
  auto trace = read_trace(format, *text, path, options);
  if (!trace) return trace.error();
  tell(options, trace->left_out,
       "rows tell of no work (no run time, nothing asked for); left out.");
  if (options.days > 0) {
    std::erase_if(trace->jobs,
                  [&](const TraceJob& job) { return job.submitted >= hours(24 * options.days); });
  }
  return std::unique_ptr<WorkloadSource>(std::make_unique<TraceSource>(
      std::move(trace->jobs), options,
      std::string(EnumNames<TraceFormat>::value[static_cast<std::size_t>(format)])));
}

Result<std::unique_ptr<WorkloadSource>> open_model_text(std::string_view text,
                                                        const std::string& name,
                                                        const WorkloadOptions& options) {
  const auto model = parse_workload_file(text, name);
  if (!model) return model.error();
  return open_model(*model, options);
}

Error unknown(const std::string& spec) {
  std::vector<std::string_view> names;
  for (const EmbeddedFile& file : kEmbeddedWorkloads) names.push_back(file.name);
  const std::string_view meant = closest(spec, names);
  return {ErrorCode::kNotFound,
          fmt::format("there is no file and no shipped workload {}{} Shipped: {}", in_quotes(spec),
                      meant.empty() ? "." : fmt::format("; did you mean \"{}\"?", meant),
                      fmt::join(names, ", "))};
}

bool is_yaml(const std::string& path) {
  const std::string ending = fs::path(path).extension().string();
  return ending == ".yaml" || ending == ".yml" || ending == ".json";
}

Result<std::unique_ptr<WorkloadSource>> open_file(const std::string& path,
                                                  const WorkloadOptions& options) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (fs::exists(fs::path(path) / "journal.db", ignored)) return open_journal(path, options);
    return Error{ErrorCode::kInvalid, fmt::format("{} is a folder without a journal.db", path)};
  }
  const auto text = read_list_file(path);
  if (!text) return text.error();
  if (is_yaml(path)) return open_model_text(*text, path, options);
  constexpr std::size_t kBeginning = 4096;
  const auto format = detect_trace_format(std::string_view(*text).substr(0, kBeginning));
  if (format) return open_trace(*format, path, options);
  return Error{
      ErrorCode::kInvalid,
      fmt::format("{}:1: not the beginning of any form that is known ({}); a workload file "
                  "ends in .yaml, and FORM:{} says which form it is",
                  path, fmt::join(EnumNames<TraceFormat>::value, ", "), path)};
}

}  // namespace

Result<std::unique_ptr<WorkloadSource>> open_model(const WorkloadModel& model,
                                                   const WorkloadOptions& options) {
  const auto checked = check_type(options);
  if (!checked.ok()) return checked.error();
  GeneratorOptions generator;
  generator.seed = options.seed;
  generator.days = options.days;
  generator.shape = rules_of(options);
  generator.limits = options.limits;
  if (options.fleet != nullptr) {
    generator.gang_max = gang_accelerators_max(*options.fleet, options.accelerator_type);
    generator.accelerators = fleet_accelerators(*options.fleet, options.accelerator_type);
    if (options.note && model.sizes.back().accelerators > generator.gang_max) {
      options.note(
          fmt::format("Sizes over {} accelerators become as large as a gang can be on this "
                      "fleet.",
                      generator.gang_max));
    }
  }
  return generate_workload(model, generator);
}

Result<std::unique_ptr<WorkloadSource>> open_workload(const std::string& spec,
                                                      const WorkloadOptions& options) {
  const auto checked = check_type(options);
  if (!checked.ok()) return checked.error();
  if (const std::size_t colon = spec.find(':'); colon != std::string::npos) {
    const std::string form = spec.substr(0, colon);
    const std::string path = spec.substr(colon + 1);
    if (form == kModel) {
      const auto text = read_list_file(path);
      if (!text) return text.error();
      return open_model_text(*text, path, options);
    }
    if (const auto format = enum_from_name<TraceFormat>(form))
      return open_trace(*format, path, options);
  }
  std::error_code ignored;
  if (fs::exists(spec, ignored)) return open_file(spec, options);
  if (const EmbeddedFile* shipped = find_embedded(kEmbeddedWorkloads, spec)) {
    return open_model_text(shipped->text, spec + ".yaml", options);
  }
  const std::size_t colon = spec.find(':');
  if (colon != std::string::npos && spec.find('/') > colon) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("{}: expected one of {}, {} before the colon, and no file has this name",
                    in_quotes(spec), fmt::join(EnumNames<TraceFormat>::value, ", "), kModel)};
  }
  return unknown(spec);
}

}  // namespace mw
