// Targets, the route table, and the document made from it.
#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <cctype>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "http/openapi.h"
#include "http/routes.h"

namespace mw::http {
namespace {

using ::testing::HasSubstr;

TEST(Target, IsTakenApart) {
  struct Case {
    const char* target;
    std::vector<std::string> segments;
    Fields query;
  };
  const Case cases[] = {
      {"/", {}, {}},
      {"/v1/jobs", {"v1", "jobs"}, {}},
      {"/v1/jobs/", {"v1", "jobs", ""}, {}},
      {"//x", {"", "x"}, {}},
      {"/a%2Fb/c%20d", {"a/b", "c d"}, {}},
      {"/x?a=1&b=&c&a=2&&d=%26+%2B",
       {"x"},
       {{"a", "1"}, {"b", ""}, {"c", ""}, {"a", "2"}, {"d", "& +"}}},
      {"/x+y", {"x+y"}, {}},
      {"/x?y#z", {"x"}, {{"y", ""}}},
      {"/x?a=/b?c", {"x"}, {{"a", "/b?c"}}},
      {"http://127.0.0.1:80/x?y=z", {"x"}, {{"y", "z"}}},
      {"http://127.0.0.1", {}, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    const auto target = parse_target(c.target);
    ASSERT_TRUE(target.ok()) << target.error().message;
    EXPECT_EQ(target->segments, c.segments);
    EXPECT_EQ(target->query, c.query);
  }
  for (const char* bad :
       {"", "*", "x", "/%", "/%4", "/%4g", "/%00", "/x?a=%zz", "http://h?x=1", "ftp://h/"}) {
    const auto target = parse_target(bad);
    ASSERT_FALSE(target.ok()) << bad;
    EXPECT_EQ(target.error().code, ErrorCode::kInvalid);
  }
}

class RouterTest : public ::testing::Test {
 protected:
  std::optional<Response> match(std::string method, std::string target) {
    request = {};
    request.method = std::move(method);
    request.target = std::move(target);
    return router.match(request);
  }
  Router router{all_routes(nullptr)};
  Request request;
};

TEST_F(RouterTest, FindsRoutesAndTheirParameters) {
  EXPECT_EQ(match("GET", "/v1/jobs/17/logs?rank=3&stream=stderr"), std::nullopt);
  EXPECT_EQ(request.route->operation, "job_logs");
  EXPECT_EQ(request.number("job"), 17U);
  EXPECT_EQ(request.number("rank"), 3U);
  EXPECT_EQ(request.number("offset"), std::nullopt);
  EXPECT_EQ(request.text("stream"), "stderr");
  EXPECT_EQ(match("HEAD", "/v1/jobs"), std::nullopt);
  EXPECT_EQ(request.route->operation, "list_jobs");
  EXPECT_EQ(match("POST", "/v1/nodes/rack%2F1/drain"), std::nullopt);
  EXPECT_EQ(request.text("node"), "rack/1");
  EXPECT_EQ(match("POST", "/v1/jobs?dry_run=true"), std::nullopt);
  EXPECT_TRUE(request.flag("dry_run"));
}

TEST_F(RouterTest, RefusesWithTheReason) {
  struct Case {
    const char* method;
    const char* target;
    int status;
    const char* says;
  };
  const Case cases[] = {
      {"GET", "/v1/jbos", 404, "openapi.json"},
      {"GET", "/v1/jobs/", 404, "no path"},
      {"GET", "/v1/jobs/1/", 404, "no path"},
      {"GET", "/", 404, "no path"},
      {"DELETE", "/v1/jobs", 405, "GET, HEAD, POST"},
      {"GET", "/v1/jobs/1/cancel", 405, "POST"},
      {"post", "/v1/report", 405, "POST"},
      {"OPTIONS", "/healthz", 405, "GET, HEAD"},
      {"GET", "/v1/jobs/x", 400, "expected an integer from 1"},
      {"GET", "/v1/jobs/0", 400, "expected an integer from 1"},
      {"GET", "/v1/jobs/-1", 400, "expected an integer from 1"},
      {"GET", "/v1/jobs/99999999999999999999", 400, "expected an integer from 1"},
      {"GET", "/v1/jobs?limit=0", 400, "limit: expected an integer from 1 to 1000"},
      {"GET", "/v1/jobs?limit=1001", 400, "found \\\"1001\\\""},
      {"GET", "/v1/jobs?limit=", 400, "limit"},
      {"GET", "/v1/jobs?limit=5x", 400, "limit"},
      {"GET", "/v1/jobs?all=yes", 400, "expected 1, 0, true or false"},
      {"GET", "/v1/jobs?staet=x", 400, "allowed: state, tenant, all, limit, before"},
      {"GET", "/v1/jobs?tenant=a&tenant=b", 400, "twice"},
      {"GET", "/v1/ledger?x=1", 400, "takes none"},
      {"GET", "/v1/jobs?Idempotency-Key=x", 400, "unknown"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.target);
    const auto response = match(c.method, c.target);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, c.status);
    EXPECT_THAT(response->body, HasSubstr(c.says));
    EXPECT_THAT(response->body, HasSubstr("{\"error\":{\"code\":"));
  }
}

TEST_F(RouterTest, QuotesWhatIsNotTextInText) {
  for (const char* target : {"/v1/\xff\xfe", "/v1/jobs?limit=%ff", "/v1/jobs?%c3%28=1"}) {
    const auto response = match("GET", target);
    ASSERT_TRUE(response.has_value());
    const auto error =
        boost::json::parse(response->body).at("error");  // throws on bytes that are not UTF-8
    EXPECT_THAT(std::string(error.at("message").as_string()), HasSubstr("?"));
  }
}

TEST_F(RouterTest, A405NamesTheMethodsInItsHeader) {
  const auto response = match("PUT", "/v1/jobs");
  ASSERT_TRUE(response.has_value());
  EXPECT_THAT(response->headers, ::testing::Contains(::testing::Pair("Allow", "GET, HEAD, POST")));
}

// --- the document -------------------------------------------------------------------------------

class OpenApiTest : public RouterTest {
 protected:
  const boost::json::value document = openapi_document(router.routes(), "1.2.3");
  const boost::json::object& paths = document.at("paths").as_object();

  void expect_references_resolve(const boost::json::value& value) {
    if (const auto* array = value.if_array()) {
      for (const auto& one : *array) expect_references_resolve(one);
    }
    const auto* object = value.if_object();
    if (object == nullptr) return;
    if (const auto* reference = object->if_contains("$ref")) {
      boost::json::error_code code;
      document.find_pointer(std::string_view(reference->as_string()).substr(1), code);
      EXPECT_FALSE(code) << reference->as_string();
      ++references;
    }
    for (const auto& [key, one] : *object) expect_references_resolve(one);
  }
  int references = 0;
};

TEST_F(OpenApiTest, HasEveryRouteAndNothingElse) {
  std::size_t operations = 0;
  for (const auto& [path, methods] : paths) operations += methods.as_object().size();
  EXPECT_EQ(operations, router.routes().size());
  EXPECT_GE(operations, 20U);
  for (const Route& route : router.routes()) {
    SCOPED_TRACE(route.operation);
    ASSERT_TRUE(paths.contains(route.path));
    std::string method(method_name(route.method));
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto& operation = paths.at(route.path).at(method);
    EXPECT_EQ(operation.at("operationId").as_string(), route.operation);
    EXPECT_FALSE(operation.at("summary").as_string().empty());
    EXPECT_EQ(operation.at("parameters").as_array().size(), route.parameters.size());
    EXPECT_EQ(operation.as_object().contains("requestBody"), !route.request_schema.empty());
    EXPECT_TRUE(operation.at("responses").as_object().contains("default"));
    EXPECT_EQ(operation.at("responses").as_object().size(), route.responses.size() + 1)
        << "each status once";
    EXPECT_TRUE(route.handler) << "and each is answered";
  }
}

TEST_F(OpenApiTest, DocumentsEachPlaceholderOfAPath) {
  for (const auto& [path, methods] : paths) {
    std::set<std::string> in_path;
    for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
      in_path.emplace(path.substr(at + 1, path.find('}', at) - at - 1));
    }
    for (const auto& [method, operation] : methods.as_object()) {
      std::set<std::string> documented;
      for (const auto& parameter : operation.at("parameters").as_array()) {
        if (parameter.at("in").as_string() != "path") continue;
        EXPECT_TRUE(parameter.at("required").as_bool());
        documented.emplace(parameter.at("name").as_string());
      }
      EXPECT_EQ(documented, in_path) << path << " " << method;
    }
  }
}

TEST_F(OpenApiTest, IsWellFormed) {
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  EXPECT_EQ(document.at("info").at("version").as_string(), "1.2.3");
  expect_references_resolve(document);
  EXPECT_GE(references, 40);
  for (const auto& [name, schema] : document.at("components").at("schemas").as_object()) {
    for (const auto& required : schema.at("required").as_array()) {
      EXPECT_TRUE(schema.at("properties").as_object().contains(required.as_string())) << name;
    }
  }
  EXPECT_TRUE(paths.at("/healthz").at("get").at("security").as_array().empty());
  EXPECT_EQ(paths.at("/v1/report").at("post").at("security").as_array().size(), 2U);
}

}  // namespace
}  // namespace mw::http
