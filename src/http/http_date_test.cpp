#include "http/http_date.h"

#include <gtest/gtest.h>

namespace mw::http {
namespace {

// The first is RFC 9110's own example.
TEST(HttpDate, IsWrittenAsTheStandardSays) {
  EXPECT_EQ(http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(1'709'164'800), "Thu, 29 Feb 2024 00:00:00 GMT");
  EXPECT_EQ(http_date(4'102'444'799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

}  // namespace
}  // namespace mw::http
