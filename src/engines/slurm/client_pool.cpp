#include "engines/slurm/client_pool.h"

#include <algorithm>
#include <thread>

namespace mw::slurm {

ClientPool::ClientPool(const std::string& address, const Identity& identity,
                       const std::atomic<bool>& stop, std::size_t clients) {
  for (std::size_t i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<SlurmClient>(address, identity, stop));
  }
}

void ClientPool::each(std::size_t count, RestVersion version,
                      const std::function<void(SlurmClient&, std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  const auto run = [&](SlurmClient& client) {
    client.speak(version);
    for (std::size_t i = next++; i < count; i = next++) work(client, i);
  };
  std::vector<std::jthread> others;  // joined at the end of this block
  for (std::size_t i = 1; i < std::min(count, clients_.size()); ++i) {
    others.emplace_back([&run, client = clients_[i].get()] { run(*client); });
  }
  if (count > 0) run(*clients_.front());
}

}  // namespace mw::slurm
