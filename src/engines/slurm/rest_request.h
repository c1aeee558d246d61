// What a job that was handed to us asks for, as slurmrestd tells it.
#pragma once

#include <boost/json/object.hpp>

#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

/// Somebody handed it to us: by its comments, which `job` has already.
bool is_handed_over(const SlurmJob& job);

SlurmRequest read_request(const boost::json::object& object);

}  // namespace mw::slurm
