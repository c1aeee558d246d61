#include "model/event.h"

namespace mw {

JobId job_of(const Event& event) {
  return std::visit(
      [](const auto& body) -> JobId {
        if constexpr (requires { body.job; })
          return body.job;
        else if constexpr (requires { body.refusal; })
          return body.refusal.job;
        else
          return JobId();
      },
      event.body);
}

std::optional<NodeId> node_of(const Event& event) {
  return std::visit(
      [](const auto& body) -> std::optional<NodeId> {
        if constexpr (requires { body.node; })
          return body.node;
        else
          return std::nullopt;
      },
      event.body);
}

}  // namespace mw
