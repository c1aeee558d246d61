// Base URLs and escaping: tables.
#include "http/client/url.h"

#include <gtest/gtest.h>

namespace mw {
namespace {

TEST(Url, ReadsBaseUrls) {
  struct Case {
    const char* url;
    const char* host;
    int port;
    const char* authority;
    const char* base_path;
  };
  const Case cases[] = {
      {"http://127.0.0.1:41234", "127.0.0.1", 41234, "127.0.0.1:41234", ""},
      {"http://127.0.0.1:41234/", "127.0.0.1", 41234, "127.0.0.1:41234", ""},
      {"http://localhost:8080", "127.0.0.1", 8080, "localhost:8080", ""},
      {"http://localhost", "127.0.0.1", 80, "localhost", ""},
      {"http://127.1.2.3:1", "127.1.2.3", 1, "127.1.2.3:1", ""},
      {"http://[::1]:65535/a/b/", "::1", 65535, "[::1]:65535", "/a/b"},
      {"http://[::1]", "::1", 80, "[::1]", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    const auto endpoint = parse_base_url(c.url);
    ASSERT_TRUE(endpoint.ok()) << endpoint.error().message;
    EXPECT_EQ(endpoint->host, c.host);
    EXPECT_EQ(endpoint->port, c.port);
    EXPECT_EQ(endpoint->authority, c.authority);
    EXPECT_EQ(endpoint->base_path, c.base_path);
  }
}

TEST(Url, RefusesWhatItMustNotUse) {
  struct Case {
    const char* url;
    ErrorCode code;
  };
  const Case cases[] = {
      {"", ErrorCode::kInvalid},
      {"127.0.0.1:80", ErrorCode::kInvalid},
      {"ftp://127.0.0.1", ErrorCode::kInvalid},
      {"http://", ErrorCode::kInvalid},
      {"http://:80", ErrorCode::kInvalid},
      {"http://127.0.0.1:", ErrorCode::kInvalid},
      {"http://127.0.0.1:0", ErrorCode::kInvalid},
      {"http://127.0.0.1:65536", ErrorCode::kInvalid},
      {"http://127.0.0.1:12a", ErrorCode::kInvalid},
      {"http://127.0.0.1:80?x=1", ErrorCode::kInvalid},
      {"http://127.0.0.1:80/?x=1", ErrorCode::kInvalid},
      {"http://127.0.0.1:80 ", ErrorCode::kInvalid},
      {"http://127.0.0.1:80\r\nX: y", ErrorCode::kInvalid},
      {"http://[::1", ErrorCode::kInvalid},
      {"http://[::1]x", ErrorCode::kInvalid},
      {"https://127.0.0.1:80", ErrorCode::kUnsupported},
      {"http://example.org:80", ErrorCode::kUnsupported},
      {"http://10.0.0.1:80", ErrorCode::kUnsupported},
      {"http://127.0.0.1.example.org", ErrorCode::kUnsupported},
      {"http://127.0.0:80", ErrorCode::kUnsupported},
      {"http://127.0.0.256", ErrorCode::kUnsupported},
      {"http://user@127.0.0.1", ErrorCode::kUnsupported},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    const auto endpoint = parse_base_url(c.url);
    ASSERT_FALSE(endpoint.ok());
    EXPECT_EQ(endpoint.error().code, c.code);
    EXPECT_NE(endpoint.error().message.find("127.0.0.1"), std::string::npos)
        << "says what it looks like: " << endpoint.error().message;
  }
}

TEST(Url, EscapesQueries) {
  EXPECT_EQ(query_string({}), "");
  EXPECT_EQ(query_string({{"state", "pending,running"}, {"name", "a b&c=d"}}),
            "?state=pending%2Crunning&name=a%20b%26c%3Dd");
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode(std::string_view("\0\xff/%+", 5)), "%00%FF%2F%25%2B");
}

}  // namespace
}  // namespace mw
