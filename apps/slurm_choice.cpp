#include "slurm_choice.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "codec/json.h"

namespace mw {

namespace {

std::filesystem::path path_in(const std::filesystem::path& home) { return home / "slurm.json"; }

}  // namespace

Result<SlurmChoice> read_slurm_choice(const std::filesystem::path& home) {
  std::ifstream file(path_in(home));
  if (!file) return SlurmChoice();
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto tree = parse_json(text);
  auto known = tree ? from_json<SlurmChoice>(*tree) : Result<SlurmChoice>(tree.error());
  if (known) return known;
  return Error{ErrorCode::kInvalid, path_in(home).string() + ": " + known.error().message +
                                        "; remove it, and say --slurm again"};
}

Result<SlurmChoice> choose_slurm(const std::filesystem::path& home, const SlurmChoice& wanted) {
  auto known = read_slurm_choice(home);
  if (!known) return known.error();
  SlurmChoice choice = std::move(*known);
  const auto take = [](std::string& into, const std::string& from) {
    if (!from.empty()) into = from;
  };
  take(choice.address, wanted.address);
  take(choice.user, wanted.user);
  take(choice.jwt_key, wanted.jwt_key);
  take(choice.topology, wanted.topology);
  if (!wanted.partitions.empty()) choice.partitions = wanted.partitions;
  if (wanted.adopt) {
    choice.adopt = wanted.adopt;
    std::erase(*choice.adopt, "");
  }
  if (choice.address.empty()) {
    return Error{ErrorCode::kInvalid,
                 "--engine slurm: say where slurmrestd of the cluster listens, for example --slurm "
                 "unix:/run/slurmrestd/slurmrestd.sock"};
  }
  std::ofstream file(path_in(home), std::ios::trunc);
  std::string text;
  append_json(text, choice);
  file << text << "\n";
  if (!file.flush()) {
    return Error{ErrorCode::kUnavailable,
                 "cannot write " + path_in(home).string() + ": " + std::strerror(errno)};
  }
  return choice;
}

SlurmEngineOptions slurm_options(const std::filesystem::path& home, const SlurmChoice& choice,
                                 const std::string& user) {
  SlurmEngineOptions options;
  options.home = home;
  options.address = choice.address;
  options.self = choice.user.empty() ? user : choice.user;
  options.jwt_key = choice.jwt_key;
  options.partitions = choice.partitions;
  options.adopt = choice.adopt.value_or(std::vector<std::string>());
  // What is adopted is also used.
  for (const std::string& name : options.adopt) {
    const bool named = std::ranges::find(options.partitions, name) != options.partitions.end();
    if (!options.partitions.empty() && !named) options.partitions.push_back(name);
  }
  options.topology = choice.topology;
  return options;
}

}  // namespace mw
