#include "slurm_choice.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "codec/json.h"

namespace mw {

Result<SlurmChoice> choose_slurm(const std::filesystem::path& home, const SlurmChoice& wanted) {
  const std::filesystem::path path = home / "slurm.json";
  SlurmChoice choice;
  if (std::ifstream file(path); file) {
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto tree = parse_json(text);
    auto known = tree ? from_json<SlurmChoice>(*tree) : Result<SlurmChoice>(tree.error());
    if (!known) {
      return Error{ErrorCode::kInvalid, path.string() + ": " + known.error().message +
                                            "; remove it, and say --slurm again"};
    }
    choice = std::move(*known);
  }
  const auto take = [](std::string& into, const std::string& from) {
    if (!from.empty()) into = from;
  };
  take(choice.address, wanted.address);
  take(choice.user, wanted.user);
  take(choice.jwt_key, wanted.jwt_key);
  take(choice.topology, wanted.topology);
  if (!wanted.partitions.empty()) choice.partitions = wanted.partitions;
  if (choice.address.empty()) {
    return Error{ErrorCode::kInvalid,
                 "--engine slurm: say where slurmrestd of the cluster listens, for example --slurm "
                 "unix:/run/slurmrestd/slurmrestd.sock"};
  }
  std::ofstream file(path, std::ios::trunc);
  std::string text;
  append_json(text, choice);
  file << text << "\n";
  if (!file.flush()) {
    return Error{ErrorCode::kUnavailable,
                 "cannot write " + path.string() + ": " + std::strerror(errno)};
  }
  return choice;
}

}  // namespace mw
