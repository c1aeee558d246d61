// Schemas of what the server says of itself.
#include "http/openapi_schema.h"

namespace mw::http {

const std::vector<Schema>& server_schemas() {
  static const std::vector<Schema> all = {
      {"Server",
       "",
       {{"version", "string", ""},
        {"pid", "integer", ""},
        {"home", "string", ""},
        {"url", "string", ""},
        {"containment", "string", "How tasks are confined."},
        {"several_machines", "boolean", "Nodes are several machines, and not all this one."},
        {"started_at_ns", "integer", ""},
        {"store", "Store", ""},
        {"loop", "LoopCounters", "Since the process started."}}},
      {"Store",
       "",
       {{"available", "boolean", ""}, {"error", "string?", ""}, {"path", "string", ""}}},
      {"LoopCounters",
       "",
       {{"batches", "integer", ""},
        {"inputs", "integer", ""},
        {"events", "integer", ""},
        {"refused", "integer", ""},
        {"store_failures", "integer", ""},
        {"step_ns", "integer", ""},
        {"append_ns", "integer", ""},
        {"queue_length", "integer", ""}}},
  };
  return all;
}

}  // namespace mw::http
