#include "http/router.h"

#include <charconv>
#include <set>

namespace mw::http {
namespace {

bool is_placeholder(std::string_view segment) { return segment.starts_with('{'); }

std::string_view placeholder_name(std::string_view segment) {
  return segment.substr(1, segment.size() - 2);
}

const Parameter* find_parameter(const Route& route, std::string_view name, ParameterPlace place) {
  for (const Parameter& parameter : route.parameters) {
    if (parameter.name == name && parameter.place == place) return &parameter;
  }
  return nullptr;
}

Response invalid(std::string message) {
  return error_response(Error{ErrorCode::kInvalid, std::move(message)});
}

/// Why `value` is not one of `parameter`'s; empty when it is.
std::string complaint(const Parameter& parameter, std::string_view value) {
  const std::string what =
      (parameter.place == ParameterPlace::kPath ? "In the path, " : "Query parameter ") +
      std::string(parameter.name) + ": ";
  if (parameter.type == ParameterType::kInteger) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < parameter.minimum ||
        number > parameter.maximum) {
      return what + "expected an integer from " + std::to_string(parameter.minimum) + " to " +
             std::to_string(parameter.maximum) + ", found \"" + std::string(value) + "\".";
    }
  } else if (parameter.type == ParameterType::kBoolean) {
    if (value != "1" && value != "0" && value != "true" && value != "false") {
      return what + "expected 1, 0, true or false, found \"" + std::string(value) + "\".";
    }
  }
  return {};
}

std::optional<Response> take_query(const Route& route, Fields query, Request& request) {
  for (auto& [name, value] : query) {
    const Parameter* parameter = find_parameter(route, name, ParameterPlace::kQuery);
    if (parameter == nullptr) {
      std::string allowed;
      for (const Parameter& one : route.parameters) {
        if (one.place == ParameterPlace::kQuery)
          allowed += (allowed.empty() ? "" : ", ") + std::string(one.name);
      }
      return invalid("Query parameter \"" + name + "\" is unknown here; " +
                     (allowed.empty() ? "this path takes none." : "allowed: " + allowed + "."));
    }
    if (std::string problem = complaint(*parameter, value); !problem.empty())
      return invalid(std::move(problem));
    if (!request.parameters.emplace(name, std::move(value)).second) {
      return invalid("Query parameter " + name + " is given twice.");
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
  }
  return "";
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  std::set<std::string_view> operations;
  for (const Route& route : routes_) {
    MW_CHECK(operations.insert(route.operation).second);
    Pattern pattern;
    std::string_view path = route.path.substr(1);
    while (!path.empty()) {
      const std::size_t slash = path.find('/');
      pattern.segments.push_back(path.substr(0, slash));
      if (is_placeholder(pattern.segments.back())) {
        MW_CHECK(find_parameter(route, placeholder_name(pattern.segments.back()),
                                ParameterPlace::kPath) != nullptr);
      }
      path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    patterns_.push_back(std::move(pattern));
  }
}

bool Router::fits(const Pattern& pattern, const std::vector<std::string>& segments) {
  if (pattern.segments.size() != segments.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (is_placeholder(pattern.segments[i]) ? segments[i].empty()
                                            : pattern.segments[i] != segments[i])
      return false;
  }
  return true;
}

std::optional<Response> Router::match(Request& request) const {
  auto target = parse_target(request.target);
  if (!target) return error_response(target.error());

  const std::string_view wanted =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    if (!fits(patterns_[i], target->segments)) continue;
    if (method_name(route.method) != wanted) {
      if (!allowed.empty()) allowed += ", ";
      allowed += route.method == Method::kGet ? "GET, HEAD" : method_name(route.method);
      continue;
    }
    for (std::size_t k = 0; k < target->segments.size(); ++k) {
      if (!is_placeholder(patterns_[i].segments[k])) continue;
      const std::string_view name = placeholder_name(patterns_[i].segments[k]);
      const Parameter* parameter = find_parameter(route, name, ParameterPlace::kPath);
      if (std::string problem = complaint(*parameter, target->segments[k]); !problem.empty()) {
        return invalid(std::move(problem));
      }
      request.parameters.emplace(name, std::move(target->segments[k]));
    }
    request.route = &route;
    return take_query(route, std::move(target->query), request);
  }
  if (allowed.empty()) {
    return error_response(
        Error{ErrorCode::kNotFound, "There is no path \"" +
                                        request.target.substr(0, request.target.find('?')) +
                                        "\" here. GET /openapi.json lists those that there are."});
  }
  Response response = error_response(
      405, Error{ErrorCode::kUnsupported,
                 "This path does not take " + request.method + "; allowed: " + allowed + "."});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace mw::http
