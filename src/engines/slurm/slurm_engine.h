// A Slurm cluster as a site: Slurm starts, confines and ends processes; which jobs run where is
// decided here. Each attempt of a job of ours is one Slurm job that is pinned to the decided nodes
// (submit mode). Jobs that people hand to partitions that were given to us are decided about as
// well, and pinned and let go where they wait in Slurm (adopt mode). What others hand to Slurm
// themselves goes on as before and is counted as used by them. See README.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "loop/engine.h"

namespace mw {

struct SlurmEngineOptions {
  std::filesystem::path home;           ///< absolute; slurm/ is made in it
  std::string address;                  ///< of slurmrestd: "unix:/PATH" or "http://HOST:PORT"
  std::string self;                     ///< who we are in Slurm, for what is no user's job
  std::filesystem::path jwt_key;        ///< empty: over a socket, as whoever slurmrestd runs as
  std::vector<std::string> partitions;  ///< to use; empty: all that are up
  std::vector<std::string> adopt;       ///< partitions whose held jobs are ours to decide about
  std::filesystem::path topology;       ///< topology.conf; empty: no switches are known
  std::string site = "slurm";
  std::filesystem::path mw_binary;  ///< told to tasks as MILLWRIGHT_BIN
  std::string url;                  ///< of the API, told to tasks
  /// The attempt's token. Called on the engine's thread.
  std::function<std::string(JobId, AttemptNumber)> token;

  /// From so many nodes on, what they are made of is listed now and then, and how they are is asked
  /// for in short, by sinfo.
  std::size_t many_nodes = 1000;
  std::size_t records_kept = 1000;  ///< of ended attempts: where their output is
  /// How often Slurm is asked: while something starts or stops, and else. Never more than a
  /// quarter of the time is spent asking.
  Duration look_soon = milliseconds(200);
  Duration look_later = seconds(1);
  /// Slurm took a job and does not start it: then its nodes are not as we think, and it is placed
  /// anew.
  Duration start_timeout = minutes(5);
  /// Reports that were not answered by forget() are repeated after this, then ever more rarely.
  Duration repeat_after = seconds(5);
};

/// Errors: kInvalid, kForbidden and kUnavailable, of options that cannot be used.
Result<std::unique_ptr<Engine>> make_slurm_engine(SlurmEngineOptions options);

}  // namespace mw
