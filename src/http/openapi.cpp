#include "http/openapi.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <span>
#include <string>

#include "base/check.h"
#include "http/openapi_schema.h"

namespace mw::http {
namespace {

namespace json = boost::json;

const std::vector<Schema>& own_schemas() {
  static const std::vector<Schema> all = {
      {"Error", "Why it did not work.", {{"error", "ErrorBody", ""}}},
      {"ErrorBody",
       "",
       {{"code", "string",
         "invalid, not_found, conflict, unauthenticated, forbidden, too_large, unavailable, "
         "unsupported, timeout or internal"},
        {"message", "string", "For people: what was wrong, where, and what to do."}}},
      {"Ok", "", {{"ok", "boolean", ""}}},
      {"Document", "An object.", {}, Others::kMore},
      {"Health",
       "",
       {{"status", "string", "ok, or what is wrong"}, {"error", "string~", "what the store says"}}},
      {"JobFile",
       "A job: see the job file reference.",
       {{"name", "string", ""}, {"command", "[string]~", "argv; or script"}},
       Others::kMore},
      {"Submitted",
       "",
       {{"job", "integer?", "Id of the job, or of the first of an array; null after a dry run."},
        {"count", "integer", "How many jobs: their ids follow each other."},
        {"name", "string", ""},
        {"repeated", "boolean", "It was in already."}}},
      {"JobBatch",
       "Many jobs, each as a job file.",
       {{"jobs", "[JobFile]", "1 to 1,000."},
        {"keys", "[string]~", "A client's key for each; instead of the header."}}},
      {"BatchSubmitted",
       "",
       {{"jobs", "[BatchElement]", "In the order of the request."},
        {"refused", "integer", "How many of them were not taken."}}},
      {"BatchElement",
       "Either what a single submit answers, or an error.",
       {{"job", "integer?~", ""},
        {"count", "integer~", ""},
        {"name", "string~", ""},
        {"repeated", "boolean~", ""},
        {"error", "ErrorBody~", "This one was not taken."}}},
      {"JobStateAnswer", "", {{"job", "integer", ""}, {"state", "string", ""}}},
      {"JobList",
       "",
       {{"jobs", "[JobView]", ""},
        {"next", "integer?", "`before` for the next page; null: no more."}}},
      {"JobView",
       "A job. Times are nanoseconds since 1970; amounts ending in _milli are thousandths.",
       {{"id", "integer", ""},
        {"name", "string", ""},
        {"record", "integer", "Id of the first job of its array, or its own."},
        {"array_index", "integer", ""},
        {"array_count", "integer", ""},
        {"tenant", "string", ""},
        {"user", "string", ""},
        {"state", "string",
         "pending, starting, running, stopping, succeeded, failed, cancelled or timed_out"},
        {"held", "boolean", ""},
        {"priority_class", "string", "Empty: the policy's default."},
        {"priority", "integer", "Within its class; larger goes first."},
        {"tasks", "integer", "Of all groups."},
        {"tasks_min", "integer", "It also starts with so few; 0: with all or not at all."},
        {"groups", "integer", "Of tasks of one shape; most gangs have 1."},
        {"nodes_wanted", "integer", "0: as few as possible."},
        {"accelerators_milli", "integer", "Of the whole gang."},
        {"accelerator_type", "string", "Empty: any."},
        {"command", "[string]", ""},
        {"workdir", "string", ""},
        {"attempts", "integer", "Made so far."},
        {"restarts", "integer", "Of them, after a failure."},
        {"restart_limit", "integer", ""},
        {"time_limit_ns", "integer", "Of one attempt; 0: none."},
        {"submitted_at_ns", "integer", ""},
        {"started_at_ns", "integer?", ""},
        {"finished_at_ns", "integer?", ""},
        {"not_before_ns", "integer?", "It is not started earlier."},
        {"deadline_ns", "integer?", "It is given up when it could not have ended by then."},
        {"reservation", "string?", "On whose nodes it runs."},
        {"attempt", "Attempt?", "The current one."},
        {"checkpoint", "Checkpoint?", "The last that was saved."},
        {"progress", "Progress?", "As last reported."},
        {"ranks", "RanksView?", "null: they do not tell how long their steps take."},
        {"usage", "Usage", ""},
        {"last_end", "string?", "How the last ended attempt ended."},
        {"last_detail", "string", ""},
        {"pending_text", "string?", "Why it waits."},
        {"saving", "JobSaving~",
         "How often it saves and should; only of one job that has run, and "
         "once that is known."}}},
      {"Attempt",
       "",
       {{"number", "integer", ""},
        {"placed_at_ns", "integer", ""},
        {"running_at_ns", "integer?", "Since when every task runs."},
        {"nodes", "[AttemptNode]", "In rank order."}}},
      {"AttemptNode",
       "",
       {{"name", "string", ""},
        {"first_rank", "integer", ""},
        {"tasks", "integer", ""},
        {"devices", "[integer]", ""}}},
      {"Checkpoint", "", {{"step", "integer", ""}, {"path", "string", "Absolute."}}},
      {"Progress",
       "",
       {{"step", "integer?", ""},
        {"steps_total", "integer?", ""},
        {"samples", "integer?", ""},
        {"loss", "number?", ""},
        {"rate", "number?", "In `unit` per second."},
        {"unit", "string?", ""}}},
      {"RanksView",
       "The ranks' step times, when they were last compared.",
       {{"compared", "integer", "Ranks that told."},
        {"step_median_s", "number", ""},
        {"step_deviation_s", "number", "Robust: 1.4826 times the median absolute deviation."},
        {"slowest", "integer", "Its rank."},
        {"slowest_step_s", "number", ""},
        {"outliers", "[integer]", "Ranks that stand out."}}},
      {"Usage",
       "Accelerator-seconds.",
       {{"starting_accelerator_s", "number", ""},
        {"productive_accelerator_s", "number", ""},
        {"checkpointing_accelerator_s", "number", ""},
        {"lost_work_accelerator_s", "number", ""}}},
      {"Why",
       "",
       {{"job", "integer", ""},
        {"state", "string", ""},
        {"reason", "Reason?", "null: it does not wait."},
        {"text", "string", ""},
        {"blockers", "Blockers?", "What is in its way; null: it does not stand in line."}}},
      {"Blockers",
       "Few things whose end would let a job start.",
       {{"jobs", "[integer]", "That have to end."},
        {"by_ns", "integer?", "When they have ended at the latest; null: unknown."},
        {"claims", "[integer]", "Jobs for which capacity is kept that it would fit in."},
        {"nodes", "[string]", "Out of use, when no end of jobs would do."},
        {"reservations", "[string]", "Whose nodes it would fit on."},
        {"text", "string", ""}}},
      {"QueueReasons",
       "",
       {{"waiting", "integer", "Jobs that wait, held ones not counted."},
        {"reasons", "[QueueReason]", "For which most accelerators wait first."}}},
      {"QueueReason",
       "",
       {{"kind", "string", ""},
        {"text", "string", "Of the example."},
        {"jobs", "integer", ""},
        {"accelerators_milli", "integer", "That they ask for at least, in thousandths."},
        {"example", "integer", "One of the jobs."}}},
      {"Reason",
       "Why a job waits; further fields belong to the kind.",
       {{"kind", "string",
         "not_yet_considered, no_room_now, fleet_too_small, no_such_accelerator, held, "
         "waits_to_restart, power_short, no_such_site, over_quota, awaits_time, awaits_jobs, "
         "kept_for_others, awaits_victims, awaits_reservation, kept_by_reservation, "
         "reservation_ends_first or reservation_too_small"}},
       Others::kMore},
      {"Story",
       "",
       {{"job", "JobView", ""},
        {"events", "[EventView]", ""},
        {"truncated", "boolean", "There are more than fit."}}},
      {"EventView",
       "Something that became so; further fields belong to the kind.",
       {{"seq", "integer", ""},
        {"at_ns", "integer", ""},
        {"kind", "string", ""},
        {"text", "string", "For people."}},
       Others::kMore},
      {"EventList",
       "",
       {{"events", "[EventView]", ""}, {"last", "integer", "`after` for the next page."}}},
      {"NodeList",
       "",
       {{"nodes", "[NodeView]", ""},
        {"count", "integer", "How many nodes there are in all."},
        {"next", "integer?", "`from` for the next page; null: no more."}}},
      {"FleetFile",
       "A fleet: see docs/fleet.md.",
       {{"name", "string", ""}, {"sites", "Document~", ""}},
       Others::kMore},
      {"FleetDeclared",
       "",
       {{"fleet", "string", "Its name."},
        {"nodes", "integer", ""},
        {"accelerators", "integer", ""},
        {"repeated", "boolean", "It was declared before, the same."}}},
      {"NodeView",
       "",
       {{"id", "integer", ""},
        {"name", "string", ""},
        {"site", "string", ""},
        {"phase", "string",
         "provisioning, validating, ready, suspect, draining, quarantined, repairing or retired"},
        {"lost", "boolean", "Its engine does not hear from it."},
        {"spare", "boolean", "Kept free for gangs that lose a node."},
        {"reason", "string", "Of its phase."},
        {"by", "string", ""},
        {"phase_since_ns", "integer", ""},
        {"drain", "DrainOrder?", "How its work leaves; null: it does not drain."},
        {"remedy", "RemedyView?", "What is to be done to it, or is being done."},
        {"faults", "integer", "Active ones, its accelerators' included."},
        {"accelerator_type", "string", ""},
        {"accelerators", "integer", ""},
        {"accelerators_free_milli", "integer", ""},
        {"cpus_milli", "integer", ""},
        {"cpus_free_milli", "integer", ""},
        {"memory_bytes", "integer", ""},
        {"memory_free_bytes", "integer", ""},
        {"jobs", "[integer]", "That have an attempt on it."},
        {"used_by_others", "OthersUse?", "By jobs that its engine got from others than us."}}},
      {"OthersUse",
       "",
       {{"accelerators", "integer", ""},
        {"cpus_milli", "integer", ""},
        {"memory_bytes", "integer", ""}}},
      {"ReservationRequest",
       "Which nodes to set aside, when, for whom. Either nodes, or node_list.",
       {{"name", "string", ""},
        {"start", "string~", "A time such as 2026-12-01T08:00:00Z, or now, as by default."},
        {"duration", "string", "Such as 4h or 90m."},
        {"nodes", "integer~", "How many; they are chosen."},
        {"type", "string~", "Of accelerator, of the nodes that are chosen."},
        {"site", "string~", "Where they are chosen."},
        {"node_list", "[string]~", "Names of nodes, instead."},
        {"tenants", "[string]~", "Whose jobs may use it, with all below them."},
        {"users", "[string]~", "Likewise; with neither, everybody's may."},
        {"reason", "string~", "Up to 500 bytes on one line."},
        {"force", "boolean~", "Also nodes that are in use then, or kept for jobs."}}},
      {"ReservationList", "", {{"reservations", "[ReservationView]", "By start."}}},
      {"ReservationView",
       "",
       {{"name", "string", ""},
        {"start_ns", "integer", ""},
        {"end_ns", "integer", ""},
        {"begun", "boolean", "Only its jobs are placed on its nodes now."},
        {"nodes", "[string]", ""},
        {"nodes_out_of_use", "integer", "Of them, drained or lost."},
        {"chosen", "boolean", "It says how many nodes it wants: those out of use are replaced."},
        {"type", "string", "Of accelerator, where they are chosen; empty: any."},
        {"site", "string", "Likewise."},
        {"tenants", "[string]", ""},
        {"users", "[string]", ""},
        {"reason", "string", ""},
        {"by", "string", "Who made it."},
        {"made_at_ns", "integer", ""},
        {"running", "[integer]", "Its jobs that have an attempt."},
        {"waiting", "integer", "How many of its jobs wait."},
        {"others", "[integer]", "Jobs of others that have an attempt on its nodes."}}},
      {"PolicyFile",
       "A policy: see docs/policy.md. What is left out is as by default. Durations and percentages "
       "are text with their unit.",
       {{"name", "string~", ""},
        {"classes", "Document~", "Priority classes by name: value, preempts, preemptible."},
        {"default_class", "string~", "Of jobs that name none."},
        {"tenants", "Document~",
         "By name: quota, borrow_limit, weight, and tenants for those below."}},
       Others::kMore},
      {"TenantList", "", {{"tenants", "[TenantView]", ""}}},
      {"TenantView",
       "A tenant with all below it. Amounts ending in _milli are thousandths.",
       {{"tenant", "string", ""},
        {"parent", "string?", "The one that it hangs under; null: the root."},
        {"depth", "integer", "How many are above it."},
        {"named", "boolean", "The policy names it."},
        {"quota_milli", "integer", "Accelerators that it has a right to."},
        {"limit_milli", "integer?", "That it may use in all; null: no limit."},
        {"weight", "integer", ""},
        {"in_use_milli", "integer", "Accelerators in use, or held for restarts."},
        {"cpus_in_use_milli", "integer", ""},
        {"memory_in_use_bytes", "integer", ""},
        {"average_milli", "integer", "Accelerators used in the past, decayed."},
        {"share", "number",
         "Of the fleet, present and past use together, over its weight: the smallest is served "
         "first."},
        {"over_quota", "boolean", "It uses more than its quota."},
        {"jobs_submitted", "integer", "Its own, without those below it."},
        {"jobs_finished", "integer", "Of them."}}},
      {"Ledger",
       "The categories' times add up to capacity_time, exactly.",
       {{"at_ns", "integer", ""},
        {"capacity_milli", "integer", ""},
        {"capacity_time", "string",
         "In milli-accelerator-nanoseconds, an integer of up to 128 bits."},
        {"capacity_accelerator_s", "number", ""},
        {"balanced", "boolean", ""},
        {"categories", "[LedgerCategory]", ""},
        {"tenants", "[TenantUsage]", ""}}},
      {"LedgerCategory",
       "",
       {{"category", "string", ""},
        {"now_milli", "integer", "Accelerators in it now."},
        {"time", "string", "As capacity_time."},
        {"accelerator_s", "number", ""},
        {"percent", "number", "Of the capacity's time."}}},
      {"TenantUsage",
       "",
       {{"tenant", "string", ""},
        {"jobs_submitted", "integer", ""},
        {"jobs_finished", "integer", ""},
        {"usage", "Usage", ""}}},
      {"Report",
       "What a job says of itself. `job` and `attempt` only with the API token.",
       {{"job", "integer~", ""},
        {"attempt", "integer~", ""},
        {"rank", "integer~", "0 when not given."},
        {"step", "integer~", ""},
        {"steps_total", "integer~", ""},
        {"samples", "integer~", "Done so far by the whole gang."},
        {"loss", "number~", ""},
        {"rate", "number~", "In `unit` per second."},
        {"unit", "string~", "Such as tokens."},
        {"step_time_s", "number~", "Of a step of this rank, without waiting for others."},
        {"checkpoint", "Checkpoint~", "It was saved."},
        {"checkpointing", "boolean~", "true: it begins to save one."},
        {"fault", "ReportedFault~", "Something is wrong with it."}}},
  };
  return all;
}

const std::vector<Schema>& schemas() {
  static const std::vector<Schema> all = [] {
    std::vector<Schema> both = own_schemas();
    both.insert(both.end(), forecast_schemas().begin(), forecast_schemas().end());
    both.insert(both.end(), fault_schemas().begin(), fault_schemas().end());
    both.insert(both.end(), goodput_schemas().begin(), goodput_schemas().end());
    both.insert(both.end(), check_schemas().begin(), check_schemas().end());
    both.insert(both.end(), server_schemas().begin(), server_schemas().end());
    return both;
  }();
  return all;
}

json::string text(std::string_view value) { return json::string(value.data(), value.size()); }

json::object reference(std::string_view schema) {
  bool known = false;
  for (const Schema& one : schemas()) known = known || one.name == schema;
  MW_CHECK(known);
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

json::object type_of(std::string_view type) {
  if (type.ends_with('~')) return type_of(type.substr(0, type.size() - 1));
  if (type.ends_with('?')) {
    const json::object inner = type_of(type.substr(0, type.size() - 1));
    if (const auto* plain = inner.if_contains("type")) return {{"type", {*plain, "null"}}};
    return {{"anyOf", {inner, {{"type", "null"}}}}};
  }
  if (type.starts_with('['))
    return {{"type", "array"}, {"items", type_of(type.substr(1, type.size() - 2))}};
  if (type == "integer" || type == "string" || type == "number" || type == "boolean")
    return {{"type", text(type)}};
  return reference(type);
}

json::object schema_object(const Schema& schema) {
  json::object properties;
  json::array required;
  for (const Field& field : schema.fields) {
    // A list may be left out, too: "[string]~".
    const bool optional = field.type.ends_with('~');
    json::object property = type_of(field.type);
    if (!field.description.empty()) property["description"] = text(field.description);
    properties[text(field.name)] = std::move(property);
    if (!optional) required.push_back(text(field.name));
  }
  json::object object{{"type", "object"}};
  if (!schema.description.empty()) object["description"] = text(schema.description);
  object["properties"] = std::move(properties);
  object["required"] = std::move(required);
  if (schema.others == Others::kNone) object["additionalProperties"] = false;
  return object;
}

json::object parameter_object(const Parameter& parameter) {
  json::object schema;
  switch (parameter.type) {
    case ParameterType::kString:
      schema["type"] = "string";
      break;
    case ParameterType::kBoolean:
      schema["type"] = "boolean";
      break;
    case ParameterType::kInteger:
      schema["type"] = "integer";
      schema["minimum"] = parameter.minimum;
      schema["maximum"] = parameter.maximum;
      break;
  }
  const bool in_path = parameter.place == ParameterPlace::kPath;
  const char* place = in_path                                     ? "path"
                      : parameter.place == ParameterPlace::kQuery ? "query"
                                                                  : "header";
  return {{"name", text(parameter.name)},
          {"in", place},
          {"required", in_path},
          {"description", text(parameter.description)},
          {"schema", std::move(schema)}};
}

json::object content(std::string_view type, std::string_view schema) {
  json::object media{
      {"schema", schema.empty() ? json::object{{"type", "string"}} : reference(schema)}};
  json::object object;
  object[text(type)] = std::move(media);
  return object;
}

json::object operation_object(const Route& route) {
  json::object operation{{"operationId", text(route.operation)}, {"summary", text(route.summary)}};
  json::array parameters;
  for (const Parameter& parameter : route.parameters)
    parameters.push_back(parameter_object(parameter));
  operation["parameters"] = std::move(parameters);
  if (!route.request_schema.empty()) {
    operation["requestBody"] = {
        {"required", route.request_schema != "Drain"},
        {"content", content(route.request_content_type, route.request_schema)}};
  }
  json::object responses;
  for (const DocumentedResponse& response : route.responses) {
    responses[std::to_string(response.status)] = {
        {"description", text(response.description)},
        {"content", content(response.content_type, response.schema)}};
  }
  responses["default"] = {{"description", "It did not work: see the error's code."},
                          {"content", content("application/json", "Error")}};
  operation["responses"] = std::move(responses);
  if (route.access == Access::kOpen) operation["security"] = json::array();
  if (route.access == Access::kReport)
    operation["security"] = {{{"token", json::array()}}, {{"attempt_token", json::array()}}};
  return operation;
}

/// A method as a path's object names it.
std::string_view path_key(Method method) {
  return method == Method::kPost ? "post" : method == Method::kPut ? "put" : "get";
}

}  // namespace

json::object openapi_document(const std::vector<Route>& routes, std::string_view version) {
  json::object paths;
  for (const Route& route : routes) {
    json::object& path = paths.emplace(text(route.path), json::object()).first->value().as_object();
    path[path_key(route.method)] = operation_object(route);
  }
  json::object all;
  for (const Schema& schema : schemas()) all[text(schema.name)] = schema_object(schema);
  const auto bearer = [](std::string_view description) {
    return json::object{{"type", "http"}, {"scheme", "bearer"}, {"description", text(description)}};
  };
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Millwright"},
            {"version", text(version)},
            {"description", "The control plane of an AI factory. GET routes answer HEAD as well."},
            {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", std::move(all)},
            {"securitySchemes",
             {{"token", bearer("The file `token` in the control plane's home.")},
              {"attempt_token", bearer("What a task finds in MILLWRIGHT_TOKEN.")}}}}},
          {"security", {{{"token", json::array()}}}}};
}

}  // namespace mw::http
