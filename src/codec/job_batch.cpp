// Many jobs at once: a stream of job files, and the batch that POST /v1/jobs/batch takes. Each job
// is judged by the reader of job files; this only finds where one ends and the next begins.
#include <fmt/format.h>

#include <array>

#include "codec/job_file.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 2> kBatchKeys = {"jobs", "keys"};
/// Of all jobs of a batch; each of them alone may have as many as a job file's default.
constexpr YamlLimits kBatchLimits{.bytes_max = kBatchBytesMax, .nodes_max = 400'000};

class BatchReader : private YamlReader {
 public:
  explicit BatchReader(const JobFileContext& context)
      : YamlReader(context.source_name), context_(context) {}

  Result<JobBatch> read(YamlNode root) {
    if (root.kind != YamlNode::Kind::kMap) {
      problem(root.position, "",
              "expected {\"jobs\": [...]} with a job file in each place, found " + describe(root));
      return failure();
    }
    check_keys(root, "", kBatchKeys);
    YamlNode* jobs = root.find("jobs");
    if (jobs == nullptr || jobs->kind != YamlNode::Kind::kList || jobs->children.empty() ||
        jobs->children.size() > kBatchJobsMax) {
      const std::string found = jobs == nullptr ? "nothing"
                                : jobs->kind != YamlNode::Kind::kList
                                    ? describe(*jobs)
                                    : fmt::format("{}", jobs->children.size());
      problem(jobs == nullptr ? root.position : jobs->position, "jobs",
              fmt::format("expected a list of 1 to {} jobs, found {}", kBatchJobsMax, found));
      return failure();
    }
    read_keys(root, jobs->children.size());
    if (!good()) return failure();
    batch_.jobs.reserve(jobs->children.size());
    for (YamlNode& job : jobs->children) {
      batch_.jobs.push_back(read_job_file(std::move(job), context_));
    }
    return std::move(batch_);
  }

 private:
  void read_keys(const YamlNode& root, std::size_t jobs) {
    const YamlNode* keys = root.find("keys");
    if (keys == nullptr) return;
    if (keys->kind != YamlNode::Kind::kList || keys->children.size() != jobs) {
      problem(*keys, "keys", fmt::format("expected a list of {}, one for each job", jobs));
      return;
    }
    for (const YamlNode& key : keys->children) {
      if (key.kind != YamlNode::Kind::kScalar) {
        problem(key, "keys", "expected text, found " + describe(key));
        continue;
      }
      batch_.keys.push_back(key.text);
    }
  }

  const JobFileContext& context_;
  JobBatch batch_;
};

}  // namespace

Result<std::vector<JobSpec>> parse_job_files(std::string_view text, const JobFileContext& context) {
  auto documents = parse_yaml_stream(text, context.source_name, kBatchLimits, kBatchJobsMax);
  if (!documents) return documents.error();
  if (documents->empty()) documents->push_back({.position = {1, 1}});
  std::vector<JobSpec> specs;
  std::string problems;
  for (YamlNode& document : *documents) {
    auto spec = read_job_file(std::move(document), context);
    if (spec) {
      specs.push_back(std::move(*spec));
    } else {
      problems += (problems.empty() ? "" : "\n") + spec.error().message;
    }
  }
  if (!problems.empty()) return Error{ErrorCode::kInvalid, problems};
  return specs;
}

Result<JobBatch> parse_job_batch(std::string_view text, const JobFileContext& context) {
  auto root = parse_yaml(text, context.source_name, kBatchLimits);
  if (!root) return root.error();
  return BatchReader(context).read(std::move(*root));
}

}  // namespace mw
