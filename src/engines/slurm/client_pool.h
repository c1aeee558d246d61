// Several requests to slurmrestd at once: it answers each in milliseconds, most of which are spent
// waiting for munge and slurmctld, and a hundred jobs may have to start in a second.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engines/slurm/slurm_client.h"

namespace mw::slurm {

class ClientPool {
 public:
  /// `clients`: so many requests at a time.  `stop`: as of SlurmClient.
  ClientPool(const std::string& address, const Identity& identity, const std::atomic<bool>& stop,
             std::size_t clients);

  /// Calls work(client, i) for each i below `count`, several at a time, and returns when all have
  /// returned. Each client is used by one thread at a time.
  void each(std::size_t count, RestVersion version,
            const std::function<void(SlurmClient&, std::size_t)>& work);

 private:
  std::vector<std::unique_ptr<SlurmClient>> clients_;
};

}  // namespace mw::slurm
