// The fixture of the tests of routes: asks a World, and holds each JSON answer against the schema
// that the OpenAPI document has for it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "http/api_test_support.h"
#include "http/openapi.h"

namespace mw::http::testing {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kSmallFleet = R"(name: small
shapes: {g: {type: h100, accelerators: 8, cpus: 8, memory: 1TiB, idle: 2kW, accelerator: 1kW}}
sites: [{name: s, jurisdiction: NO, blocks: [{name: b, shape: g, nodes: 25}]}]
)";

/// Finds what of `value` is not as its schema says: the part of JSON Schema that the document uses.
class SchemaCheck {
 public:
  explicit SchemaCheck(json::value document) : document_(std::move(document)) {}

  std::vector<std::string> faults(const json::value& value, const json::value& schema) {
    faults_.clear();
    check(value, schema, "answer");
    return faults_;
  }
  /// The schema of an operation's answer.
  const json::value& answer_of(const Route& route, int status) {
    const auto& operation = document_.at("paths")
                                .at(route.path)
                                .at(route.method == Method::kPost  ? "post"
                                    : route.method == Method::kPut ? "put"
                                                                   : "get");
    const auto& responses = operation.at("responses").as_object();
    const auto* response = responses.if_contains(std::to_string(status));
    return (response != nullptr ? *response : responses.at("default"))
        .at("content")
        .at("application/json")
        .at("schema");
  }

 private:
  static bool is(const json::value& value, std::string_view type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_int64() || value.is_uint64();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_bool();
    return type == "null" && value.is_null();
  }
  void check(const json::value& value, const json::value& schema, const std::string& place) {
    if (const auto* reference = schema.as_object().if_contains("$ref")) {
      return check(value, document_.at_pointer(std::string_view(reference->as_string()).substr(1)),
                   place);
    }
    if (const auto* choices = schema.as_object().if_contains("anyOf")) {
      // Ours are all "this, or null".
      if (!value.is_null()) check(value, choices->at(0), place);
      return;
    }
    const json::value& type = schema.at("type");
    bool fits = type.is_string() && is(value, type.as_string());
    if (const auto* types = type.if_array()) {
      for (const auto& one : *types) fits = fits || is(value, one.as_string());
    }
    if (!fits) {
      faults_.push_back(place + ": " + json::serialize(value) + " is not " + json::serialize(type));
      return;
    }
    if (value.is_array()) {
      for (const auto& one : value.as_array()) check(one, schema.at("items"), place + "[]");
    }
    if (value.is_object()) check_object(value.as_object(), schema.as_object(), place);
  }
  void check_object(const json::object& value, const json::object& schema,
                    const std::string& place) {
    const auto& properties = schema.at("properties").as_object();
    for (const auto& name : schema.at("required").as_array()) {
      if (!value.contains(name.as_string()))
        faults_.push_back(place + " lacks " + std::string(name.as_string()));
    }
    for (const auto& [name, one] : value) {
      if (const auto* property = properties.if_contains(name)) {
        check(one, *property, place + "." + std::string(name));
      } else if (schema.contains("additionalProperties")) {
        faults_.push_back(place + " has " + std::string(name) + ", which is not documented");
      }
    }
  }
  json::value document_;
  std::vector<std::string> faults_;
};

class ApiTest : public ::testing::Test {
 protected:
  void begin(EngineIs how = EngineIs::kAutomatic) {
    world.emplace(how);
    schemas.emplace(openapi_document(world->api->router().routes(), "x"));
  }
  /// Asks, and checks status and schema.
  json::value ask(std::string method, const std::string& target, std::string body = {},
                  int status = 200, Fields headers = {}) {
    SCOPED_TRACE(method + " " + target);
    Request request;
    request.method = method;
    request.target = target;
    EXPECT_EQ(world->api->router().match(request), std::nullopt);
    const json::value answer =
        world->json(std::move(method), target, std::move(body), status, std::move(headers));
    EXPECT_THAT(schemas->faults(answer, schemas->answer_of(*request.route, status)), ElementsAre());
    return answer;
  }
  static std::string code_of(const json::value& answer) {
    return std::string(answer.at("error").at("code").as_string());
  }
  static std::string path(std::int64_t job, const std::string& rest = {}) {
    return "/v1/jobs/" + std::to_string(job) + rest;
  }
  Fields attempt_token(std::int64_t job, std::uint32_t attempt) {
    const AttemptTokens tokens(testing::kKey);
    return {{"authorization", "Bearer " + tokens.make(JobId(static_cast<std::uint64_t>(job)),
                                                      AttemptNumber(attempt))}};
  }
  std::optional<World> world;
  std::optional<SchemaCheck> schemas;
};

}  // namespace mw::http::testing
