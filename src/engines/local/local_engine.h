// This machine as a site: an engine that runs tasks as processes of the operating system, each
// under a small supervisor that outlives us. Everything it knows is in HOME/run; see README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "engines/local/containment.h"
#include "engines/local/discovery.h"
#include "loop/engine.h"

namespace mw {

struct LocalEngineOptions {
  std::filesystem::path home;        ///< absolute; run/ and engine.sock are made in it
  std::filesystem::path supervisor;  ///< the program mw-supervisor
  std::filesystem::path mw_binary;   ///< told to tasks as MILLWRIGHT_BIN
  std::string site = "local";
  std::string url;   ///< of the API, told to tasks
  std::string user;  ///< who we are: jobs of others are not run; empty: all are
  /// The attempt's token. Called on the engine's thread.
  std::function<std::string(JobId, AttemptNumber)> token;
  /// Nodes to offer; they share this machine. Empty: the machine as it is found.
  std::vector<NodeSpec> declared;

  std::uint64_t log_segment_bytes = std::uint64_t{16} << 20;
  std::uint32_t log_segments = 8;  ///< kept of each stream; older output goes
  std::size_t logs_kept = 1000;    ///< ended attempts whose output is kept
  /// Our variables that tasks get too; a name, or a beginning and '*'.
  std::vector<std::string> inherited = {"PATH",
                                        "HOME",
                                        "USER",
                                        "LOGNAME",
                                        "SHELL",
                                        "LANG",
                                        "LC_*",
                                        "TZ",
                                        "TMPDIR",
                                        "HOSTNAME",
                                        "CUDA_HOME",
                                        "ROCM_PATH",
                                        "LD_LIBRARY_PATH",
                                        "VIRTUAL_ENV",
                                        "PYTHONPATH"};
  /// Reports that were not answered by forget() are repeated after this, then ever more rarely.
  Duration repeat_after = seconds(5);
  /// A supervisor ends its task by itself this long after time limit and grace: the control plane
  /// has that long to do it, or to come back.
  Duration time_limit_slack = seconds(30);

  local::ContainmentChoice containment = local::ContainmentChoice::kBest;
  local::DiscoverySources discovery;
};

/// REQUIRES: `home` exists and is ours alone.
std::unique_ptr<Engine> make_local_engine(LocalEngineOptions options);

}  // namespace mw
