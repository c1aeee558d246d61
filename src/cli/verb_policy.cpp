// mw policy ...: policy files looked at without a control plane, and the policy that one decides
// by. mw tenants: who uses how much of what it has a right to.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/policy_view.h"
#include "cli/table.h"
#include "cli/text_source.h"
#include "cli/verbs.h"
#include "codec/embedded_files.h"
#include "codec/policy_file.h"

namespace mw {
namespace {

struct PolicyOptions {
  std::string file;
  std::vector<std::string> files;
  bool source = false;
};

constexpr const char* kFileText =
    "The policy file (YAML or JSON), - for standard input, or the name of a policy that is built "
    "in (mw policy list)";

Result<NamedText> load_text(const std::string& name) {
  return read_file_or_built_in(name, kEmbeddedPolicies, "policy", kPolicyFileBytesMax);
}

Result<Policy> load(const std::string& name) {
  const auto source = load_text(name);
  if (!source) return source.error();
  return parse_policy_file(source->text, source->name);
}

std::string summary(const Policy& policy) {
  return fmt::format("{} {}, {}", policy.classes.size(),
                     policy.classes.size() == 1 ? "class" : "classes",
                     counted(static_cast<std::int64_t>(policy.tenants.size()), "tenant"));
}

int validate(const Cli& cli, const PolicyOptions& options) {
  int code = 0;
  boost::json::array rows;
  for (const std::string& file : options.files) {
    const auto policy = load(file);
    if (!policy) {
      // Each file is told of; the first mistake decides how it ends.
      const int failed = cli.console.fail(policy.error());
      if (code == 0) code = failed;
      continue;
    }
    rows.push_back(boost::json::object{{"file", file},
                                       {"policy", policy->name},
                                       {"classes", policy->classes.size()},
                                       {"tenants", policy->tenants.size()}});
    if (!cli.globals.json)
      cli.console.out(fmt::format("Policy {} is valid: {}.\n", policy->name, summary(*policy)));
  }
  if (cli.globals.json && code == 0) {
    cli.console.out(pretty_json(boost::json::serialize(
        boost::json::object{{"valid", true}, {"policies", std::move(rows)}})));
  }
  return code;
}

int list(const Cli& cli) {
  using Align = Column::Align;
  Table table({{.title = "POLICY", .importance = 10, .width_min = 8},
               {.title = "CLASSES", .importance = 8, .width_min = 7, .align = Align::kRight},
               {.title = "TENANTS", .importance = 9, .width_min = 7, .align = Align::kRight}});
  boost::json::array rows;
  for (const EmbeddedFile& file : kEmbeddedPolicies) {
    const auto policy = parse_policy_file(file.text, file.name);
    if (!policy) return cli.console.fail(policy.error());
    table.add({{std::string(file.name)},
               {std::to_string(policy->classes.size())},
               {std::to_string(policy->tenants.size())}});
    rows.push_back(boost::json::object{{"policy", file.name},
                                       {"classes", policy->classes.size()},
                                       {"tenants", policy->tenants.size()}});
  }
  cli.console.out(cli.globals.json ? pretty_json(boost::json::serialize(
                                         boost::json::object{{"policies", std::move(rows)}}))
                                   : table.render(cli.console.out_traits));
  return 0;
}

int show_in_force(const Cli& cli) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/policy");
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  // It is a policy file; one of a newer control plane may say more than is known here.
  const auto policy = parse_policy_file(reply->body, "the control plane's policy");
  if (!policy) return cli.console.fail(policy.error());
  cli.console.out(render_policy(*policy, cli.console.out_traits));
  return 0;
}

int show(const Cli& cli, const PolicyOptions& options) {
  if (options.file.empty() && options.source) {
    return cli.console.fail(
        {ErrorCode::kInvalid, "--source needs a file or the name of a policy that is built in"});
  }
  if (options.file.empty()) return show_in_force(cli);
  if (options.source) {
    const auto text = load_text(options.file);
    if (!text) return cli.console.fail(text.error());
    cli.console.out(text->text);
    return 0;
  }
  const auto policy = load(options.file);
  if (!policy) return cli.console.fail(policy.error());
  cli.console.out(cli.globals.json ? pretty_json(write_policy_file(*policy))
                                   : render_policy(*policy, cli.console.out_traits));
  return 0;
}

int set(const Cli& cli, const PolicyOptions& options) {
  const auto policy = load(options.file);
  if (!policy) return cli.console.fail(policy.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->put("/v1/policy", write_policy_file(*policy));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(fmt::format("The control plane decides by policy {} now: {}.\n", policy->name,
                              summary(*policy)));
  return 0;
}

int tenants(const Cli& cli) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/tenants");
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_tenants(reply->view(), cli.console.out_traits));
  return 0;
}

}  // namespace

void add_policy(CLI::App& app, Cli& cli) {
  CLI::App* group = app.add_subcommand(
      "policy", "Look at policies, and change the one that the control plane decides by");
  group->require_subcommand(1);
  auto options = std::make_shared<PolicyOptions>();
  const auto run = [&cli, options](CLI::App* verb, auto action) {
    verb->callback([&cli, options, action] {
      cli.action = [&cli, options, action] { return action(cli, *options); };
    });
  };

  CLI::App* all = group->add_subcommand("list", "List the policies that are built in");
  all->callback([&cli] { cli.action = [&cli] { return list(cli); }; });

  CLI::App* check =
      group->add_subcommand("validate", "Check policy files; every mistake is told with its place");
  check->add_option("FILE", options->files, kFileText)->required();
  check->footer("docs/policy.md describes the file.");
  run(check, validate);

  CLI::App* look = group->add_subcommand(
      "show", "Show a policy: classes, tenants and rules; without FILE, the one in force");
  look->add_option("FILE", options->file, kFileText);
  look->add_flag("--source", options->source, "Print the file as it was written, to begin with it");
  look->footer(
      "With --json: the file, with everything filled in.\n\n"
      "  mw policy show\n"
      "  mw policy show research-lab --source > my-policy.yaml");
  run(look, show);

  CLI::App* change = group->add_subcommand("set", "Have the control plane decide by a policy");
  change->add_option("FILE", options->file, kFileText)->required();
  change->footer(
      "It holds from the next decision on, also for jobs that wait. What runs goes on, unless the "
      "new policy has it stopped for another job.");
  run(change, set);
}

void add_tenants(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("tenants", "Show who uses how much, and may use how much");
  verb->footer(
      "In accelerators, each tenant with all below it. PAST: the average of its use, half of it "
      "forgotten after the policy's half-life. SHARE: what it is served by, of the fleet and "
      "divided by its weight; the smallest goes first. JOBS: its own that have not ended.");
  verb->callback([&cli] { cli.action = [&cli] { return tenants(cli); }; });
}

}  // namespace mw
