// Which jobs a listing, or scancel, is about: the options that squeue, scancel and sacct share.
#pragma once

#include <string>
#include <vector>

#include "slurm_face/flags.h"
#include "slurm_face/job_rows.h"

namespace mw::face {

struct JobFilter {
  std::vector<std::string> users;
  std::vector<std::string> accounts;
  std::vector<std::string> partitions;
  std::vector<std::string> names;
  std::vector<std::string> qos;
  std::vector<std::string> nodes;
  std::vector<std::string> reservations;
  std::vector<std::string> states;  ///< upper case; empty: any
  [[nodiscard]] bool takes(const JobRow& row) const;
  [[nodiscard]] bool empty() const;
};
/// Of --user, --me, --account(s), --partition, --name, --jobname, --qos, --nodelist, --reservation,
/// --state(s).  Errors: kInvalid: a state that there is not; a list of nodes that is none.
Result<JobFilter> read_filter(const GivenFlags& flags);

/// The user's own name.
std::string own_user();

}  // namespace mw::face
